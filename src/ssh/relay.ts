import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Way {
  /** The connection that all channels share, of which what waits to be sent is of interest. */
  output: Pick<Duplex, 'writableLength' | 'once' | 'off'>;
  /** Whether it is gone, so that the end of a channel is no end of what was said. */
  cut(): boolean;
}

/**
 * Bytes that may wait on the shared connection. Each channel has a window of its own of 2 MiB:
 * without this, sixty of them would fill the memory and everybody would queue behind them.
 */
const WAITING = 512 * 1024;
/** Bytes that may wait in a channel whose reader is slow; by itself it would take 2 MiB. */
const QUEUED = 128 * 1024;

/**
 * Carries bytes between a socket and a channel, both ways, until both have ended. Each way ends by
 * itself, and the slower side sets the pace. A broken side breaks the other one.
 */
export function relay(socket: Socket, channel: Duplex, { output, cut }: Way): Promise<void> {
  return new Promise((resolve) => {
    const resume = () => {
      output.off('drain', resume);
      if (channel.writableLength > QUEUED) return;
      if (output.writableLength >= WAITING) output.once('drain', resume);
      else socket.resume();
    };
    socket.on('data', (chunk: Buffer) => {
      channel.write(chunk, resume);
      if (channel.writableLength > QUEUED || output.writableLength >= WAITING) socket.pause();
    });
    socket.on('end', () => channel.end());
    channel.on('data', (chunk: Buffer) => {
      if (!socket.write(chunk)) channel.pause();
    });
    socket.on('drain', () => channel.resume());
    channel.on('end', () => {
      if (cut()) socket.resetAndDestroy();
      else socket.end();
    });
    socket.on('error', () => channel.destroy());
    channel.on('error', () => socket.resetAndDestroy());
    socket.on('close', (failed) => {
      output.off('drain', resume);
      if (failed || !channel.writableEnded) channel.destroy();
      // What nobody takes any more must not keep the channel open.
      channel.resume();
      resolve();
    });
    channel.on('close', () => {
      if (!socket.readableEnded && !socket.destroyed) socket.resetAndDestroy();
    });
    socket.resume();
  });
}
