import type { Cryptor } from '../crypto.ts';

type Fields = Record<string, unknown>;

/**
 * The body of `POST /task` with the input of each organization encrypted for it; an algorithm
 * sends it in base64.
 *
 * @param ask reads from the server, as the algorithm.
 * @throws {Error} when there is no key of an organization: nothing is sent in clear.
 */
export async function encryptTask(
  body: Buffer,
  cryptor: Cryptor,
  ask: (path: string) => Promise<Fields>,
): Promise<Buffer> {
  const task = JSON.parse(body.toString('utf8')) as Fields;
  const organizations = Array.isArray(task.organizations) ? (task.organizations as Fields[]) : [];
  for (const organization of organizations) {
    const { public_key } = await ask(`/organization/${Number(organization.id)}`);
    if (typeof public_key !== 'string' || public_key === '')
      throw new Error(`organization ${Number(organization.id)} has no public key`);
    const input = Buffer.from(String(organization.input ?? ''), 'base64');
    organization.input = cryptor.encrypt(input, public_key);
  }
  return Buffer.from(JSON.stringify(task));
}

/** The answer of `GET /result` or `GET /result/ID`, readable for the algorithm: base64 again. */
export function decryptResults(body: Buffer, cryptor: Cryptor): Buffer {
  const answer = JSON.parse(body.toString('utf8')) as Fields;
  const all = Array.isArray(answer.data) ? (answer.data as Fields[]) : [answer];
  for (const one of all) {
    if (typeof one.result === 'string' && one.result !== '')
      one.result = Buffer.from(cryptor.decrypt(one.result)).toString('base64');
  }
  return Buffer.from(JSON.stringify(answer));
}
