import type { Duplex } from 'node:stream';
import { DatamillError } from '../../errors.ts';
import type { Api } from '../client.ts';
import { isStatus } from '../errors.ts';
import { type Backend, findBackend, type ServicePort } from './backend.ts';

/** What is known of a pod is looked at again after so many milliseconds. */
const FRESH = 5000;

/** Leads connections to a ready pod of a service, and to the next one when that pod is replaced. */
export class Route {
  readonly #api: Api;
  readonly #to: ServicePort;
  readonly #onPod: (pod: string, before: string | undefined) => void;
  #backend: Backend | undefined;
  #pod: string | undefined;
  #at = 0;
  #looking: Promise<Backend> | undefined;

  /** @param onPod is told of the first pod, and of each other one. */
  constructor(api: Api, to: ServicePort, onPod: (pod: string, before: string | undefined) => void) {
    this.#api = api;
    this.#to = to;
    this.#onPod = onPod;
  }

  /**
   * Opens a connection to the service.
   *
   * @throws {DatamillError} NO_SERVICE, NO_SUCH_PORT, NO_READY_POD, and what `portForward` says.
   */
  async connect(signal: AbortSignal): Promise<Duplex> {
    const backend = await this.find(signal);
    try {
      return await this.#open(backend, signal);
    } catch (error) {
      if (signal.aborted || !mayBeGone(error)) throw error;
      // The pod was replaced since we looked; nothing was sent yet.
      this.#forget(backend);
      return await this.#open(await this.find(signal), signal);
    }
  }

  /** The pod that connections go to, looked up when it is not known. */
  find(signal: AbortSignal): Promise<Backend> {
    if (this.#backend !== undefined && Date.now() - this.#at < FRESH) return Promise.resolve(this.#backend);
    this.#looking ??= findBackend(this.#api, this.#to, signal)
      .then((backend) => {
        this.#backend = backend;
        this.#at = Date.now();
        if (backend.pod !== this.#pod) this.#onPod(backend.pod, this.#pod);
        this.#pod = backend.pod;
        return backend;
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #open(backend: Backend, signal: AbortSignal): Promise<Duplex> {
    const connection = await this.#api.portForward(this.#to.namespace, backend.pod, backend.port, { signal });
    connection.once('error', () => this.#forget(backend));
    return connection;
  }

  #forget(backend: Backend): void {
    if (this.#backend === backend) this.#backend = undefined;
  }
}

/** Whether another look may help: not where a right is missing, or the API server itself. */
function mayBeGone(error: unknown): boolean {
  if (!(error instanceof DatamillError) || error.exitCode !== 1) return false;
  return error.code !== 'KUBE_FORBIDDEN' && !isStatus(error, 403);
}
