import { DatamillError } from '../errors.ts';
import type { SshLink } from '../ssh/index.ts';
import { pause } from '../util/abort.ts';
import { portInUse } from './errors.ts';
import { localWords, probe } from './local.ts';
import { listenPorts, localAddress } from './ports.ts';
import type { TunnelEvent, TunnelPort } from './types.ts';

/** A server that has not noticed yet that its last client is gone holds the port for 15 s; some are slower. */
const STALE_FOR = 50_000;
const STALE_EVERY = 500;
/** Milliseconds between looks whether something listens on this machine by now: soon at first. */
const LOOK_OFTEN = 50;
const LOOK_RARELY = 250;
const OFTEN_FOR = 30_000;

interface ForwardOptions {
  link: SshLink;
  listenHost: string;
  ports: readonly TunnelPort[];
  signal: AbortSignal;
  report(event: TunnelEvent): void;
}

/**
 * The ports on which the server listens for pods. One that leads to where nobody listens is closed
 * there too, so that pods are refused by their own network, at once, instead of being let in and
 * thrown out; it is opened again as soon as somebody listens.
 */
export class Forwards {
  readonly #options: ForwardOptions;
  readonly #targets: Map<number, number>;
  readonly #down = new Set<TunnelPort>();

  constructor(options: ForwardOptions) {
    this.#options = options;
    this.#targets = listenPorts(options.ports);
  }

  /** The port of the tunnel that belongs to one at which the server listens. */
  portOf(listening: number): TunnelPort | undefined {
    return this.#options.ports.find(({ cluster }) => this.#targets.get(cluster) === listening);
  }

  /** @throws {DatamillError} TUNNEL_PORT_IN_USE when somebody else listens there and goes on to. */
  async open(onWait: (message: string) => void): Promise<void> {
    await Promise.all(
      this.#options.ports.map(async (port) => {
        // Asked once even where nobody listens here: what the server will not do must be known now.
        await this.#listen(port, onWait);
        const wrong = await probe(port);
        if (wrong !== undefined) await this.close(port, localWords(wrong));
      }),
    );
  }

  async #listen(port: TunnelPort, onWait: (message: string) => void): Promise<void> {
    const { link, listenHost, signal } = this.#options;
    const deadline = Date.now() + STALE_FOR;
    for (;;) {
      try {
        return await link.listen(listenHost, this.#targets.get(port.cluster)!);
      } catch (error) {
        const taken = error instanceof DatamillError && error.code === 'SSH_LISTEN';
        if (!taken || link.lost) throw error;
        if (Date.now() > deadline) throw portInUse(port.cluster, error);
        onWait(`port ${port.cluster} is still held by an earlier connection; waiting for its end`);
        await pause(STALE_EVERY, signal);
      }
    }
  }

  /** Nobody listens where it leads. */
  async close(port: TunnelPort, why = 'nothing listens there'): Promise<void> {
    const { link, listenHost, report } = this.#options;
    if (this.#down.has(port)) return;
    this.#down.add(port);
    const local = localAddress(port);
    report({
      type: 'local',
      port: port.cluster,
      local,
      up: false,
      message: `${local}: ${why}; pods are refused until something does`,
    });
    try {
      await link.unlisten(listenHost, this.#targets.get(port.cluster)!);
      void this.#reopen(port).catch(() => undefined);
    } catch {
      // The link is gone, and the next one starts anew.
    }
  }

  async #reopen(port: TunnelPort): Promise<void> {
    const { link, signal, report } = this.#options;
    const began = Date.now();
    while (!link.lost && !signal.aborted) {
      if ((await probe(port)) === undefined) {
        await this.#listen(port, () => undefined);
        this.#down.delete(port);
        const local = localAddress(port);
        report({ type: 'local', port: port.cluster, local, up: true, message: `${local} answers` });
        return;
      }
      await pause(Date.now() - began < OFTEN_FOR ? LOOK_OFTEN : LOOK_RARELY, signal);
    }
  }
}
