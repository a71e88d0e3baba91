import { connect } from 'node:net';
import type { Check } from '../config/schema/check.ts';
import { notYet } from './failure.ts';
import { reach } from './reach.ts';
import type { Attempt } from './subject.ts';

/** Without words to wait for, a connection that stays open so long counts as accepted, in milliseconds. */
const SETTLED = 500;
/** How long a try waits for the words, in milliseconds. */
const PATIENCE = 10_000;
/** Bytes of the answer that are looked at. */
const MOST = 64 * 1024;

/** Connects to a port, says something and waits for an answer. */
export async function checkTcp(
  { service, port, send, expect }: NonNullable<Check['tcp']>,
  { api, namespace, signal, doing }: Attempt,
): Promise<string> {
  const where = `${service}.${namespace}.svc:${port}`;
  doing(expect === undefined ? `connecting to ${where}` : `waiting for ${quoted(expect)} from ${where}`);
  return await reach(api, { namespace, service, port }, (local) =>
    talk(local, { where, send, expect, signal }),
  );
}

interface Talk {
  where: string;
  send: string | undefined;
  expect: string | undefined;
  signal: AbortSignal;
}

function talk(local: number, { where, send, expect, signal }: Talk): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: local, signal });
    let got = '';
    const heard = () => (got === '' ? 'nothing came back' : `what came back: ${quoted(got)}`);
    const end = (outcome: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      outcome();
    };
    const pass = (message: string) => end(() => resolve(message));
    const fail = (message: string) => end(() => reject(notYet(message)));
    const timer = setTimeout(
      () =>
        expect === undefined
          ? pass(`${where} takes connections`)
          : fail(`${where} did not say ${quoted(expect)} within ${PATIENCE / 1000} s; ${heard()}`),
      expect === undefined ? SETTLED : PATIENCE,
    );
    socket.setEncoding('utf8');
    socket.on('connect', () => send !== undefined && socket.write(send));
    socket.on('data', (chunk: string) => {
      got = (got + chunk).slice(0, MOST);
      if (expect === undefined) pass(`${where} answered ${quoted(got)}`);
      else if (got.includes(expect)) pass(`${where} answered ${quoted(expect)}`);
    });
    socket.on('error', (error) => fail(`${where}: ${error.message}`));
    socket.on('close', () => fail(`${where} closed the connection; ${heard()}`));
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text);
}
