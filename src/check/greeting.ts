import { connect } from 'node:net';
import { notYet } from './failure.ts';

/** Protocol header of AMQP 0-9-1 (specification, section 4.2.2), to which the broker says Connection.Start. */
const HEADER = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');
/** A frame that holds a method, on channel 0: type in one byte, channel in two. */
const METHOD = Buffer.of(1, 0, 0);

/**
 * Looks whether a broker answers at a port of this machine. The client library is not asked, for
 * it takes the first bytes of something else for the size of a frame and ends the process.
 */
export function expectGreeting(
  port: number,
  where: string,
  patience: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    const leave = () => socket.destroy();
    signal.addEventListener('abort', leave);
    if (signal.aborted) leave();
    let got = Buffer.alloc(0);
    const fail = (why: string) => reject(notYet(`${where} ${why}`));
    const timer = setTimeout(() => {
      fail(`did not greet within ${patience / 1000} s`);
      socket.destroy();
    }, patience);
    socket.on('connect', () => socket.write(HEADER));
    socket.on('data', (chunk) => {
      got = Buffer.concat([got, chunk]);
      if (got.length < METHOD.length) return;
      if (got.subarray(0, METHOD.length).equals(METHOD)) resolve();
      else fail(`does not speak AMQP: it says ${JSON.stringify(got.toString('latin1').slice(0, 60))}`);
      // In good order: what is only dropped looks like a broken connection to the port-forward.
      socket.end();
    });
    socket.on('error', (error) => fail(error.message));
    socket.on('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      fail('closed the connection');
    });
  });
}
