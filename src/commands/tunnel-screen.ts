import type { Traffic, TunnelEvent } from '../actions/tunnel.ts';
import { LiveLine } from '../ui/live-line.ts';
import { bytes, statusLine } from '../ui/tunnel.ts';
import { redactDocument } from '../util/redact.ts';
import type { CommandIO } from './runtime.ts';

/** Milliseconds between two looks at the numbers. */
const REFRESH = 500;

/** Shows a tunnel: a live line and what changes on a terminal, lines in a log, one JSON event per line. */
export class TunnelScreen {
  readonly #io: CommandIO;
  readonly #json: boolean;
  readonly #line: LiveLine;
  readonly #began = Date.now();
  /** The screen belongs to a command: no live line, and few words. */
  readonly #shared: boolean;
  #state = 'creating';
  #address = '';
  #said = '';
  #traffic: (() => Traffic) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(io: CommandIO, shared: boolean) {
    this.#io = io;
    this.#json = io.output === 'json';
    this.#shared = shared;
    this.#line = new LiveLine(shared ? process.stderr : process.stdout);
  }

  start(traffic: () => Traffic): void {
    this.#traffic = traffic;
    if (this.#json || this.#shared || process.stdout.isTTY !== true) return;
    this.#timer = setInterval(() => this.#refresh(), REFRESH);
  }

  tell(event: TunnelEvent): void {
    if (this.#json) {
      this.#event({ ...event });
      return;
    }
    if (event.type === 'connection') return;
    if (event.type === 'state') this.#state = event.state;
    if ('urls' in event) {
      this.#address = event.ports
        .map(({ cluster, local }) => `${event.service}:${cluster} -> ${local}`)
        .join(', ');
      this.#ready(event.urls, event.ports, event.attempt);
    } else this.#say(event);
    this.#refresh();
  }

  /** The last word: a summary. */
  end(result: 'ok' | 'failed' | 'interrupted', traffic?: Traffic): void {
    clearInterval(this.#timer);
    this.#line.clear();
    const { total = 0, failed = 0, received = 0, sent = 0 } = traffic ?? this.#traffic?.() ?? {};
    if (this.#json) {
      const seconds = Math.round((Date.now() - this.#began) / 100) / 10;
      this.#event({ type: 'summary', result, connections: total, failed, received, sent, seconds });
    } else if (result !== 'failed' && !this.#shared) {
      const count = total === 1 ? '1 connection' : `${total} connections`;
      this.#line.print(`Removed. ${count}, ${bytes(received)} in, ${bytes(sent)} out.`);
    }
  }

  #event(event: Record<string, unknown>): void {
    const whole = { schema: 1, time: new Date().toISOString(), ...event };
    process.stdout.write(`${JSON.stringify(redactDocument(whole))}\n`);
  }

  #ready(urls: string[], ports: Array<{ cluster: number; local: string }>, attempt: number): void {
    const { style } = this.#io;
    if (attempt > 1) {
      this.#print(style.green('ready again'));
      return;
    }
    for (const [index, { local }] of ports.entries())
      this.#print(`${style.green('ready')}: pods reach ${local} at ${style.bold(urls[index] ?? '')}`);
    if (!this.#shared) this.#print(style.dim('Ctrl-C ends it and removes everything from the cluster.'));
  }

  #say(event: Exclude<TunnelEvent, { type: 'connection' }>): void {
    const { yellow } = this.#io.style;
    const { type, message } = event;
    if (type === 'warning') this.#print(`${yellow('warning')}: ${message}`);
    else if (type === 'local') this.#print(event.up ? message : yellow(message));
    else this.#print(event.state === 'reconnecting' ? `${yellow('reconnecting')}: ${message}` : message);
  }

  /** The same thing is not said twice in a row. */
  #print(line: string): void {
    if (line === this.#said) return;
    this.#said = line;
    this.#line.print(line);
  }

  #refresh(): void {
    if (this.#timer === undefined || this.#traffic === undefined) return;
    this.#line.show(statusLine(this.#state, this.#address, this.#traffic(), this.#io.style));
  }
}
