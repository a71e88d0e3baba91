import type { DatamillEvent, StepEvent, WarningEvent } from '../../actions/events.ts';
import { formatDuration } from '../../util/duration.ts';
import { redact } from '../../util/redact.ts';
import type { Style } from '../style.ts';
import { textWidth } from '../width.ts';
import { firstLine } from './board.ts';
import type { Sink } from './sink.ts';

/** A step that only says how far it is says so at most this often. */
const quiet = 10_000;

interface Said {
  state: string;
  message: string;
  at: number;
}

/**
 * Lines with a time for logs: `12:01:02 minio  install  running  1 of 3 replicas ready`. Nothing
 * is said twice, and mere progress at most every ten seconds.
 */
export function createPlainReporter(sink: Sink, style: Style, clock: () => number = Date.now) {
  const said = new Map<string, Said>();
  let widest = 0;

  function step(event: StepEvent): void {
    const name = event.component ?? '';
    const key = `${name} ${event.phase}`;
    const message = redact(event.state === 'failed' ? event.message.trim() : firstLine(event.message));
    const last = said.get(key);
    const now = clock();
    if (last?.state === event.state) {
      if (last.message === message || (event.state === 'running' && now - last.at < quiet)) return;
    }
    said.set(key, { state: event.state, message, at: now });
    widest = Math.min(24, Math.max(widest, textWidth(name)));
    const state = event.state.padEnd('skipped'.length);
    const seconds =
      event.seconds === undefined || event.state === 'running' ? '' : formatDuration(event.seconds);
    const words = [
      name.padEnd(widest),
      event.phase.padEnd('uninstall'.length),
      paint(event.state, state),
      message,
      style.dim(seconds),
    ];
    const text = words
      .filter((word) => word !== '')
      .join('  ')
      .trimEnd();
    sink.line(`${style.dim(time(now))} ${indented(text)}`);
  }

  return (event: DatamillEvent): void => {
    if (event.type === 'step') step(event);
    if (event.type === 'warning')
      sink.line(`${style.dim(time(clock()))} ${style.yellow('warning')}: ${redact(warningWords(event))}`);
  };

  function paint(state: string, text: string): string {
    if (state === 'failed') return style.red(text);
    if (state === 'skipped') return style.yellow(text);
    return state === 'done' ? style.green(text) : text;
  }
}

export function warningWords(event: WarningEvent): string {
  const place = [event.file, event.line, event.column].filter((part) => part !== undefined).join(':');
  return place === '' ? event.message : `${place}: ${event.message}`;
}

/** Further lines of a message stand under the first one, so that a log stays readable. */
function indented(text: string): string {
  return text.replaceAll('\n', '\n           ');
}

function time(now: number): string {
  const date = new Date(now);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}
