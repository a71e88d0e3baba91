import { DatamillError, unreachableError } from '../../errors.ts';
import { registerSecrets } from '../../util/redact.ts';

/** Milliseconds for one answer. */
const PATIENCE = 30_000;

/** The server said no. */
class ServerError extends DatamillError {
  readonly status: number;

  constructor(status: number, message: string) {
    super('NODE_SERVER_REFUSED', `the server answered ${status}: ${message}`);
    this.status = status;
  }
}

/** vantage6's REST interface, as a node uses it. */
export class Rest {
  readonly #base: string;
  readonly #apiKey: string;
  token = '';

  /** @param base with its path: `http://host:5000/api`. */
  constructor(base: string, apiKey: string) {
    this.#base = base;
    this.#apiKey = apiKey;
    registerSecrets(apiKey);
  }

  /** Logs in anew, as tokens run out; @returns the number of this node. */
  async login(signal?: AbortSignal): Promise<number> {
    const answer = await this.#send('POST', '/token/node', { api_key: this.#apiKey }, signal);
    this.token = String(answer.access_token);
    registerSecrets(this.token);
    const payload = JSON.parse(Buffer.from(this.token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return Number(payload.sub);
  }

  /** @throws {ServerError} what the server answered; unreachable: exit 4. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    try {
      return await this.#send(method, path, body, signal);
    } catch (error) {
      if (!(error instanceof ServerError) || error.status !== 401) throw error;
      await this.login(signal);
      return await this.#send(method, path, body, signal);
    }
  }

  async #send(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<Record<string, unknown>> {
    const signals = [AbortSignal.timeout(PATIENCE), ...(signal === undefined ? [] : [signal])];
    const headers: Record<string, string> = { accept: 'application/json' };
    if (this.token !== '' && path !== '/token/node') headers.authorization = `Bearer ${this.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const request = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    let response: Response;
    try {
      response = await fetch(this.#base + path, { ...request, signal: AbortSignal.any(signals) });
    } catch (cause) {
      throw unreachableError('NODE_SERVER', `the server at ${this.#base} does not answer`, { cause });
    }
    const text = await response.text();
    const answer = parse(text);
    if (!response.ok) throw new ServerError(response.status, String(answer.msg ?? text.slice(0, 200)));
    return answer;
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
