import type { Reporter } from '../actions/events.ts';
import { redactDocument } from '../util/redact.ts';
import { createPlainReporter } from './progress/plain.ts';
import { createSink, type OutputStream } from './progress/sink.ts';
import { createTerminal } from './progress/terminal.ts';
import { createStyle } from './style.ts';

export interface ProgressOptions {
  output: 'text' | 'json';
  /** Whether the stream is a terminal that may be drawn on. */
  tty: boolean;
  color: boolean;
  stream: OutputStream;
  /** Milliseconds since the epoch. */
  clock?: () => number;
}

export interface Progress {
  report: Reporter;
  /** Draws the last state, gives the terminal back, and settles when all of it is written. May be called twice. */
  stop(): Promise<void>;
}

/** Shows what actions report: a live display on a terminal, timed lines in a log, or one JSON event per line. */
export function createProgress(options: ProgressOptions): Progress {
  const clock = options.clock ?? Date.now;
  if (options.output === 'text' && options.tty) {
    return createTerminal({ stream: options.stream, color: options.color, clock });
  }
  const sink = createSink(options.stream);
  if (options.output === 'json') {
    const report: Reporter = ({ type, ...rest }) =>
      sink.line(
        JSON.stringify(redactDocument({ schema: 1, time: new Date(clock()).toISOString(), type, ...rest })),
      );
    return { report, stop: sink.flush };
  }
  return { report: createPlainReporter(sink, createStyle(options.color), clock), stop: sink.flush };
}
