import type { Socket } from 'node:net';
import { type Incoming, relay, type SshLink } from '../ssh/index.ts';
import { connectLocal, isRefused, localWords } from './local.ts';
import type { ConnectionEvent, Traffic, TunnelPort } from './types.ts';

interface Hooks {
  report(event: ConnectionEvent): void;
  /** Nothing listens where a port leads. */
  onRefused(port: TunnelPort): void;
}

/** The connections of pods, all through one link at a time. */
export class Connections {
  readonly #hooks: Hooks;
  readonly #open = new Set<Socket>();
  #total = 0;
  #failed = 0;
  /** Of connections that are over. */
  #received = 0;
  #sent = 0;
  #lastError: string | undefined;

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  /** Carries one that came in to where its port leads; when nothing answers there it is refused. */
  async take(incoming: Incoming, port: TunnelPort, link: SshLink): Promise<void> {
    const id = ++this.#total;
    const began = Date.now();
    const about = { type: 'connection' as const, id, port: port.cluster, peer: incoming.peer };
    let socket: Socket;
    try {
      socket = await connectLocal(port);
    } catch (error) {
      this.#failed++;
      this.#lastError = localWords(error);
      if (!link.lost) incoming.reject();
      this.#hooks.report({ ...about, received: 0, sent: 0, seconds: since(began), error: this.#lastError });
      if (isRefused(error)) this.#hooks.onRefused(port);
      return;
    }
    // A pod that lost patience, or a link that is gone.
    if (link.lost) return void socket.resetAndDestroy();
    let broken: string | undefined;
    socket.on('error', (error) => {
      broken = error.message;
    });
    this.#open.add(socket);
    await relay(socket, incoming.accept(), { output: link.output, cut: () => link.lost });
    this.#open.delete(socket);
    const { bytesWritten: received, bytesRead: sent } = socket;
    this.#received += received;
    this.#sent += sent;
    if (link.lost) broken ??= 'the tunnel was cut';
    if (broken !== undefined) {
      this.#failed++;
      this.#lastError = broken;
    }
    const error = broken === undefined ? {} : { error: broken };
    this.#hooks.report({ ...about, received, sent, seconds: since(began), ...error });
  }

  /** Their link is gone: both ends must know that what they have is not all. */
  reset(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  traffic(): Traffic {
    const open = [...this.#open];
    const sum = (of: (socket: Socket) => number) => open.reduce((total, socket) => total + of(socket), 0);
    return {
      open: open.length,
      total: this.#total,
      failed: this.#failed,
      received: this.#received + sum(({ bytesWritten }) => bytesWritten),
      sent: this.#sent + sum(({ bytesRead }) => bytesRead),
      lastError: this.#lastError,
    };
  }
}

function since(began: number): number {
  return (Date.now() - began) / 1000;
}
