import {
  DefaultRenderer,
  Listr,
  type ListrDefaultRendererLogLevels,
  ListrLogger,
  ListrTaskState,
  ProcessOutput,
  Spinner,
} from 'listr2';
import { createStyle, type Style } from '../style.ts';
import { truncateStyled } from '../width.ts';
import type { OutputStream } from './sink.ts';
import type { Entry, Mark } from './view.ts';

type Task = ConstructorParameters<typeof DefaultRenderer>[0][number];

export interface Display {
  /** Puts the last state on the screen and gives the terminal back. */
  close(): void;
}

export interface DisplayOptions {
  stream: OutputStream;
  color: boolean;
  /** Called for every frame, and a last time with `final`. */
  view: (final: boolean) => Entry[];
}

/**
 * Draws with listr2. Its renderer and tasks are used, not its runner: the tasks run in the
 * engine, are not known beforehand, and listr2's own signal handler would end the process.
 */
export async function openDisplay({ stream, color, view }: DisplayOptions): Promise<Display> {
  const list = new Listr([], {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
  });
  const marks = new Map<Task, Mark>();
  const known = new Map<string, Task>();
  const tasks: Task[] = [];
  const frame = (final: boolean): void => {
    const entries = view(final);
    tasks.splice(0, tasks.length, ...entries.map((entry) => taskOf(entry, list, known, marks)));
  };
  const spinner = quietSpinner();
  const logger = new ListrLogger<ListrDefaultRendererLogLevels>({
    useIcons: true,
    processOutput: liveOutput(stream),
  });
  let closing = false;
  // At the end lines may wrap: nothing is drawn over them any more.
  const width = () => (closing ? Number.POSITIVE_INFINITY : Math.max(10, (stream.columns ?? 80) - 1));
  const Renderer = rendererFor(width, createStyle(color), marks, spinner);
  const renderer = new Renderer(tasks, { spinner, logger, showErrorMessage: false }, list.events);
  frame(false);
  await renderer.render();
  const tick = setInterval(() => frame(false), 100);
  tick.unref();
  return {
    close() {
      clearInterval(tick);
      closing = true;
      frame(true);
      renderer.end();
    },
  };
}

/** The task that stands for an entry; its fields are set without listr2's events, which would draw each time. */
function taskOf(entry: Entry, list: Listr, known: Map<string, Task>, marks: Map<Task, Mark>): Task {
  let task = known.get(entry.key);
  if (task === undefined) {
    list.add({ title: entry.key, task: () => undefined });
    task = list.tasks.pop() as unknown as Task;
    // Tasks that listr2 does not run are never checked, and so would not be drawn.
    task.isEnabled = () => true;
    known.set(entry.key, task);
  }
  task.title = entry.text;
  task.state = entry.mark === 'running' ? ListrTaskState.STARTED : ListrTaskState.WAITING;
  marks.set(task, entry.mark);
  return task;
}

function rendererFor(width: () => number, style: Style, marks: Map<Task, Mark>, spinner: Spinner) {
  return class extends alwaysTerminal() {
    protected override style(task: Task): string {
      return icon(marks.get(task) ?? 'none', style, spinner);
    }

    /** One line each, so that the number of lines is known whatever a message holds. */
    protected override format(message: string, mark: string): string[] {
      return [truncateStyled(`${mark} ${message}`, width())];
    }
  };
}

function icon(mark: Mark, style: Style, spinner: Spinner): string {
  switch (mark) {
    case 'running':
      return style.cyan(spinner.fetch());
    case 'done':
      return style.green('✔');
    case 'failed':
      return style.red('✖');
    case 'skipped':
      return style.yellow('↓');
    case 'warning':
      return style.yellow('⚠');
    case 'stopped':
      return style.yellow('◼');
    case 'waiting':
      return style.dim('·');
    default:
      return ' ';
  }
}

/** listr2 asks process.stdout whether to draw; whether there is a terminal was decided before. */
function alwaysTerminal() {
  return class extends DefaultRenderer {
    static override nonTTY = true;
  };
}

/** A spinner whose timer does not keep the process alive. */
function quietSpinner(): Spinner {
  return new (class extends Spinner {
    private timer: NodeJS.Timeout | undefined;
    override start(draw?: () => void, interval = 100): void {
      this.timer = setInterval(() => {
        this.spin();
        draw?.();
      }, interval);
      this.timer.unref();
    }
    override stop(): void {
      clearInterval(this.timer);
    }
  })();
}

/** What others write meanwhile is kept and written after the display; the size is read anew for every frame. */
function liveOutput(stream: OutputStream): ProcessOutput {
  const out = stream as NodeJS.WriteStream;
  const other = stream === process.stdout ? process.stderr : stream === process.stderr ? process.stdout : out;
  return new (class extends ProcessOutput {
    override get stdout(): NodeJS.WriteStream {
      const { stdout } = this.stream;
      const write = (...args: Parameters<NodeJS.WriteStream['write']>) => stdout.write(...args);
      return Object.create(out, { write: { value: write } }) as NodeJS.WriteStream;
    }
  })(out, other, { leaveEmptyLine: false });
}
