import type http from 'node:http';
import type https from 'node:https';
import { unreachableError } from '../errors.ts';
import type { Access } from './kubeconfig.ts';
import { agentFor } from './transport.ts';

/** What a request to the API server is made with. */
export interface Ready {
  headers: http.OutgoingHttpHeaders;
  agent: http.Agent;
  /** For answers that go on and on: these must not take the connections of the others. */
  endless: http.Agent;
}

/** Exec plugins and token files give credentials that expire, so they are asked again now and then. */
const LIFE = 60_000;

/** The credentials of one context, and the connections that are kept for them. */
export class Credentials {
  readonly #access: Access;
  #ready: Ready | undefined;
  #until = 0;
  #asking: Promise<Ready> | undefined;

  constructor(access: Access) {
    this.#access = access;
  }

  /** @throws {DatamillError} TARGET_CREDENTIALS (exit 4) when they cannot be had. */
  async get(): Promise<Ready> {
    if (this.#ready !== undefined && Date.now() < this.#until) return this.#ready;
    this.#asking ??= this.#renew().finally(() => {
      this.#asking = undefined;
    });
    return await this.#asking;
  }

  async #renew(): Promise<Ready> {
    try {
      const options = this.#access.plain ?? (await this.#ask());
      const headers = { ...options.headers } as http.OutgoingHttpHeaders;
      const given = options.agent as http.Agent | undefined;
      const { protocol } = new URL(this.#access.server);
      this.#ready = {
        headers,
        agent: this.#ready?.agent ?? given ?? agentFor(protocol, options),
        endless: this.#ready?.endless ?? given ?? agentFor(protocol, options, Number.POSITIVE_INFINITY),
      };
    } catch (cause) {
      throw unreachableError(
        'TARGET_CREDENTIALS',
        `the credentials of this kube context cannot be had: ${(cause as Error).message}`,
        {
          cause,
          hint: 'run the login command of your cluster, then try again',
        },
      );
    }
    this.#until = Date.now() + LIFE;
    return this.#ready;
  }

  /** The API server refused them: the next request asks for others. */
  expire(): void {
    this.#until = 0;
  }

  close(): void {
    this.#ready?.agent.destroy();
    this.#ready?.endless.destroy();
  }

  /**
   * Everything that a kubeconfig may say, in the hands of the library that knows it all: it runs
   * exec plugins and refreshes tokens. Its agent is only of use for proxies.
   */
  async #ask(): Promise<https.RequestOptions> {
    const { KubeConfig } = await import('./library.ts');
    const config = new KubeConfig();
    config.loadFromFile(this.#access.file);
    config.setCurrentContext(this.#access.context);
    const all: https.RequestOptions = {};
    await config.applyToHTTPSOptions(all);
    if (config.getCurrentCluster()?.proxyUrl === undefined) delete all.agent;
    if (all.auth)
      all.headers = { ...all.headers, authorization: `Basic ${Buffer.from(all.auth).toString('base64')}` };
    return all;
  }
}
