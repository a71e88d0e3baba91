import type { DatamillEvent } from '../../actions/events.ts';
import { redact } from '../../util/redact.ts';
import type { Progress } from '../progress.ts';
import { createStyle } from '../style.ts';
import { Board } from './board.ts';
import type { Display } from './display.ts';
import { warningWords } from './plain.ts';
import type { OutputStream } from './sink.ts';
import { viewOf } from './view.ts';

export interface TerminalOptions {
  stream: OutputStream;
  color: boolean;
  clock: () => number;
}

/** The live display of a terminal. It is opened by the first event, as loading it takes a while. */
export function createTerminal({ stream, color, clock }: TerminalOptions): Progress {
  const board = new Board(clock);
  const style = createStyle(color);
  const warnings: string[] = [];
  let opening: Promise<void> | undefined;
  let display: Display | undefined;
  let stopped = false;

  const view = (final: boolean) =>
    viewOf(board, warnings, stream.rows ?? 24, final, style).map((entry) => ({
      ...entry,
      text: redact(entry.text),
    }));

  async function open(): Promise<void> {
    const { openDisplay } = await import('./display.ts');
    process.once('exit', restore);
    // Runs before Node prints the error and ends, so that the error stands below the display.
    process.once('uncaughtExceptionMonitor', restore);
    display = await openDisplay({ stream, color, view });
  }

  function restore(): void {
    process.off('exit', restore);
    process.off('uncaughtExceptionMonitor', restore);
    const open = display;
    display = undefined;
    open?.close();
  }

  return {
    report(event: DatamillEvent) {
      if (stopped || event.type === 'summary') return;
      if (event.type === 'warning') warnings.push(warningWords(event));
      board.take(event);
      // A display that cannot be opened is no reason to stop in the middle of an installation.
      opening ??= open().catch(restore);
    },
    async stop() {
      stopped = true;
      await opening;
      restore();
    },
  };
}
