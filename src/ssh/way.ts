import { createServer, type Server, type Socket } from 'node:net';
import { errorMessage } from '../errors.ts';
import { pause } from '../util/abort.ts';
import { type Hop, openMachine, type SshMachine } from './machine.ts';
import { relay } from './relay.ts';

/** Milliseconds that a lost connection is tried to be made again for. */
const AGAIN_FOR = 60_000;

/** A connection to a machine that is made again when it is lost. */
export class SshWay {
  readonly #hops: readonly Hop[];
  readonly #signal?: AbortSignal;
  readonly #tell: (message: string) => void;
  #machine: Promise<SshMachine> | undefined;
  #was = false;

  constructor(hops: readonly Hop[], tell: (message: string) => void, signal?: AbortSignal) {
    this.#hops = hops;
    this.#tell = tell;
    this.#signal = signal;
  }

  /** The machine, reached anew if need be; the first time there is one try only. */
  async machine(): Promise<SshMachine> {
    const current = await this.#machine?.catch(() => undefined);
    if (current !== undefined && !current.over) return current;
    // Whoever comes meanwhile waits for the same one.
    if (this.#machine === undefined || current !== undefined) {
      const opening = this.#was ? this.#again() : openMachine(this.#hops, this.#signal);
      this.#machine = opening;
      opening.catch(() => {
        if (this.#machine === opening) this.#machine = undefined;
      });
    }
    const machine = await this.#machine!;
    this.#was = true;
    return machine;
  }

  async #again(): Promise<SshMachine> {
    const deadline = Date.now() + AGAIN_FOR;
    this.#tell('the SSH connection is lost; it is being made again');
    for (let wait = 250; ; wait = Math.min(wait * 2, 4000)) {
      try {
        const machine = await openMachine(this.#hops, this.#signal);
        this.#tell('the SSH connection is there again');
        return machine;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code !== 'SSH_UNREACHABLE' || Date.now() + wait > deadline) throw error;
        await pause(wait, this.#signal);
      }
    }
  }

  /**
   * Listens on loopback, and carries each connection to an address as the machine sees it.
   *
   * @param port 0 for any.
   * @returns the port; neither it nor an idle connection keeps this process alive.
   */
  async forward(host: string, port: number, local: number): Promise<number> {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      socket.unref();
      socket.on('error', () => undefined);
      void this.#carry(socket, host, port);
    });
    await listen(server, local);
    server.unref();
    return (server.address() as { port: number }).port;
  }

  async #carry(socket: Socket, host: string, port: number): Promise<void> {
    socket.pause();
    try {
      const machine = await this.machine();
      const channel = await machine.connect(host, port);
      await relay(socket, channel, { output: machine.output, cut: () => machine.over });
    } catch (error) {
      this.#tell(`${host}:${port} cannot be reached there: ${errorMessage(error)}`);
      socket.destroy();
    }
  }

  async close(): Promise<void> {
    (await this.#machine?.catch(() => undefined))?.close();
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
