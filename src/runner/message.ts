import { createHash } from 'node:crypto';
import { configError } from '../errors.ts';
import { parseRequest, type Request } from './request.ts';

export interface Message {
  request: Request;
  /** SHA-256 of the message as it came. */
  digest: string;
}

/**
 * Reads a message of a queue.
 *
 * @throws {DatamillError} BAD_MESSAGE, BAD_REQUEST.
 */
export function readMessage(body: Uint8Array): Message {
  const digest = createHash('sha256').update(body).digest('hex');
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw configError('BAD_MESSAGE', `the message is no JSON: ${(error as Error).message}`, { cause: error });
  }
  return { request: parseRequest(json), digest };
}
