import { createHash } from 'node:crypto';
import { configError } from '../errors.ts';
import { envelopeOf, type Keyring, openPayload } from './envelope/index.ts';
import { parseRequest, type Request } from './request.ts';

export interface Message {
  request: Request;
  /** SHA-256 of the message as it came. */
  digest: string;
}

/**
 * Reads a message of a queue, in clear or in an envelope. Only what was in the envelope counts: its
 * clear head may lie.
 *
 * @throws {DatamillError} BAD_MESSAGE, BAD_REQUEST, BAD_ENVELOPE, BAD_SIGNATURE, CLEAR_TEXT.
 */
export function readMessage(body: Uint8Array, queue: string, keys: Keyring): Message {
  const digest = createHash('sha256').update(body).digest('hex');
  const json = parse(body);
  const envelope = envelopeOf(json);
  keys.checkSignature(queue, envelope);
  if (envelope !== undefined)
    return { request: parseRequest(openPayload(envelope.payload, keys.opening())), digest };
  if (keys.encryptedOnly)
    throw configError(
      'CLEAR_TEXT',
      'the message is not encrypted, and this runner takes only those that are',
      {
        hint: '--clear-text-messages takes both',
      },
    );
  return { request: parseRequest(json), digest };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw configError('BAD_MESSAGE', `the message is no JSON: ${(error as Error).message}`, { cause: error });
  }
}
