import { connect } from 'node:net';

/** Protocol header of AMQP 0-9-1 (specification, section 4.2.2), to which the broker says Connection.Start. */
const HEADER = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');
/** A frame that holds a method, on channel 0: type in one byte, channel in two. */
const METHOD = Buffer.of(1, 0, 0);

/**
 * Looks whether a broker answers. The client library is not asked, for it takes the first bytes of
 * something else for the size of a frame and ends the process.
 *
 * @param patience milliseconds to wait for an answer.
 * @returns what is wrong; undefined when a broker greets.
 */
export function greeting(
  { host, port }: { host: string; port: number },
  patience: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    let got = Buffer.alloc(0);
    const timer = setTimeout(() => {
      resolve(`did not greet within ${patience / 1000} s`);
      socket.destroy();
    }, patience);
    socket.on('connect', () => socket.write(HEADER));
    socket.on('data', (chunk) => {
      got = Buffer.concat([got, chunk]);
      if (got.length < METHOD.length) return;
      if (got.subarray(0, METHOD.length).equals(METHOD)) resolve(undefined);
      else resolve(`does not speak AMQP: it says ${JSON.stringify(got.toString('latin1').slice(0, 60))}`);
      socket.destroy();
    });
    socket.on('error', (error) => resolve(error.message));
    socket.on('close', () => {
      clearTimeout(timer);
      resolve('closed the connection');
    });
  });
}
