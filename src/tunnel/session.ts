import { randomUUID } from 'node:crypto';
import { type DatamillError, errorMessage } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import type { KubeObject } from '../kube/types.ts';
import { fingerprint, keyBytes, openSsh, type SshLink } from '../ssh/index.ts';
import { abortError, pause } from '../util/abort.ts';
import { type Claim, claim, isStillHeld, renew } from './anchor.ts';
import { backoff } from './backoff.ts';
import { removeExactly } from './cluster.ts';
import { Connections } from './connections.ts';
import { isFinal, leftOver } from './errors.ts';
import { Forwards } from './forwards.ts';
import { holding, RENEW_EVERY, userLabel } from './holder.ts';
import { PORTS, TRANSPORT, TTL, tunnelLabels } from './labels.ts';
import type { Belonging } from './objects.ts';
import { type Keys, makeKeys, type Placed, place } from './place.ts';
import { runningPod } from './pod.ts';
import { localAddress } from './ports.ts';
import { requireRights } from './rights.ts';
import { SSH_USER } from './sshd.ts';
import { dial } from './transport.ts';
import type { Traffic, TunnelEvent, TunnelSpec, TunnelState } from './types.ts';

/** How long the first pod may take until the cluster is asked what is wrong, in milliseconds. */
const PATIENCE = 120_000;
/** A connection that held for so long was a good one: the next trouble is a new one. */
const GOOD_AFTER = 10_000;

export interface TunnelIO {
  /** Ends the tunnel; what was made is removed first. */
  signal: AbortSignal;
  report(event: TunnelEvent): void;
}

/** A tunnel from its first object in the cluster to the removal of the last. */
export class Tunnel {
  readonly #api: Api;
  readonly #spec: TunnelSpec;
  readonly #io: TunnelIO;
  readonly #of: Belonging;
  readonly #keys: Keys = makeKeys();
  readonly #made = new Map<string, KubeObject>();
  readonly #connections: Connections;
  /** Fires at the end, however it comes. */
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #claim: Claim | undefined;
  #placed: Placed | undefined;
  #link: SshLink | undefined;
  #forwards: Forwards | undefined;
  #attempt = 0;

  constructor(api: Api, spec: TunnelSpec, io: TunnelIO) {
    this.#api = api;
    this.#spec = spec;
    this.#io = io;
    this.#signal = AbortSignal.any([io.signal, this.#over.signal]);
    const ports = spec.ports.map((port) => `${port.cluster}:${localAddress(port)}`).join(' ');
    this.#of = {
      spec,
      labels: tunnelLabels(spec.name, randomUUID(), userLabel()),
      annotations: {
        ...holding(),
        [TTL]: String(spec.ttl),
        [PORTS]: ports,
        [TRANSPORT]: spec.transport,
      },
    };
    this.#connections = new Connections({
      report: io.report,
      onRefused: (port) => void this.#forwards?.close(port),
    });
  }

  traffic(): Traffic {
    return this.#connections.traffic();
  }

  /**
   * Runs until the signal fires, and removes everything then.
   *
   * @throws {DatamillError} what ended it, when it was not the signal.
   */
  async run(): Promise<void> {
    const { transport, namespace } = this.#spec;
    let beat: NodeJS.Timeout | undefined;
    try {
      this.#tell('creating', `making ${this.#spec.name} in namespace ${namespace}`);
      await requireRights(this.#api, namespace, transport, this.#signal);
      await this.#make();
      beat = setInterval(() => void this.#renew(), RENEW_EVERY);
      await this.#keepConnected();
    } catch (error) {
      if (!this.#io.signal.aborted) throw this.#over.signal.reason ?? error;
    } finally {
      clearInterval(beat);
      await this.#remove();
    }
  }

  #tell(state: Exclude<TunnelState, 'ready'>, message: string): void {
    this.#io.report({ type: 'state', state, message });
  }

  /** Nothing here is cut in the middle: what is made must be known, so that it can be removed. */
  async #make(): Promise<void> {
    this.#claim = await claim(this.#api, this.#of, this.#signal);
    if (this.#claim.adopted)
      this.#io.report({
        type: 'warning',
        message: `took over ${this.#spec.name}, which an earlier run left`,
      });
    if (this.#signal.aborted) throw abortError(this.#signal);
    this.#placed = await place(this.#api, this.#of, this.#claim, this.#keys, this.#made, this.#signal);
  }

  async #keepConnected(): Promise<void> {
    for (let failures = 0; !this.#signal.aborted; failures++) {
      const began = Date.now();
      try {
        const why = await this.#connect();
        if (Date.now() - began > GOOD_AFTER) failures = 0;
        throw why;
      } catch (error) {
        if (this.#signal.aborted) break;
        if (isFinal(error, { connected: this.#attempt > 0 })) throw error;
        this.#tell('reconnecting', errorMessage(error));
      }
      await pause(backoff(failures), this.#signal);
    }
    throw abortError(this.#signal);
  }

  /** Connects, and settles with why when the connection is over. */
  async #connect(): Promise<DatamillError | undefined> {
    this.#tell('connecting', this.#attempt === 0 ? 'waiting for the pod' : 'looking for the pod');
    const { namespace } = this.#spec;
    const pod = await runningPod(this.#api, this.#of, {
      signal: this.#signal,
      patience: this.#attempt === 0 ? PATIENCE : undefined,
      onMissing: () => this.#repair(),
    });
    const { listenHost, nodePort } = this.#placed!;
    const stream = await dial(this.#api, {
      namespace,
      pod,
      nodePort,
      signal: this.#signal,
      onWait: (message) => this.#tell('connecting', message),
    });
    const link = await openSsh({
      stream,
      user: SSH_USER,
      privateKey: this.#keys.client.privateKey,
      hostKey: keyBytes(this.#keys.host.publicKey),
      signal: this.#signal,
    });
    this.#link = link;
    const leave = () => void link.close();
    this.#signal.addEventListener('abort', leave);
    try {
      await this.#serve(link, listenHost);
      return await link.closed;
    } finally {
      this.#signal.removeEventListener('abort', leave);
      this.#connections.reset();
      await link.close();
    }
  }

  async #serve(link: SshLink, listenHost: string): Promise<void> {
    const { ports } = this.#spec;
    const forwards = new Forwards({
      link,
      listenHost,
      ports,
      signal: this.#signal,
      report: this.#io.report,
    });
    this.#forwards = forwards;
    link.onIncoming((incoming) => {
      const port = forwards.portOf(incoming.port);
      if (port === undefined) incoming.reject();
      else void this.#connections.take(incoming, port, link);
    });
    await forwards.open((message) => this.#tell('connecting', message));
    this.#attempt++;
    this.#tellReady();
  }

  #tellReady(): void {
    const { name, namespace, ports, transport } = this.#spec;
    const service = `${name}.${namespace}.svc`;
    const urls = ports.map(({ cluster }) => `http://${service}:${cluster}`);
    this.#io.report({
      type: 'state',
      state: 'ready',
      message: ports.map((port) => `${service}:${port.cluster} leads to ${localAddress(port)}`).join(', '),
      service,
      urls,
      ports: ports.map((port) => ({ cluster: port.cluster, local: localAddress(port) })),
      hostKey: fingerprint(keyBytes(this.#keys.host.publicKey)),
      transport,
      attempt: this.#attempt,
    });
  }

  /** Makes again what somebody deleted, or what the cluster removed while this machine slept. */
  async #repair(): Promise<void> {
    this.#tell('creating', 'there is no pod: making what is missing');
    if (!(await renew(this.#api, this.#claim!, this.#spec.ttl))) this.#made.clear();
    await this.#make();
  }

  async #renew(): Promise<void> {
    try {
      if (await renew(this.#api, this.#claim!, this.#spec.ttl)) return;
      // Everything is gone or about to go: connecting again makes it anew.
      await this.#link?.close();
    } catch (error) {
      // Only that somebody else has it now is of interest; an API server that is away comes back.
      if (isFinal(error)) this.#over.abort(error);
    }
  }

  async #remove(): Promise<void> {
    const { name, namespace } = this.#spec;
    if (this.#claim === undefined) return;
    this.#tell('closed', `removing ${name}`);
    try {
      // Who took it over has the anchor and the service now, as they were.
      if (!(await isStillHeld(this.#api, this.#claim))) return;
      const objects = [...this.#made.values(), this.#claim.object];
      await Promise.all(objects.map((object) => removeExactly(this.#api, object)));
    } catch (error) {
      this.#io.report({ type: 'warning', message: leftOver(name, namespace, this.#spec.ttl, error) });
    }
  }
}
