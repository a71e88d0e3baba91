import { Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import type { DatamillEvent, Phase, StepState } from '../../../src/actions/events.ts';
import { createProgress } from '../../../src/ui/progress.ts';
import { registerSecrets } from '../../../src/util/redact.ts';

function step(component: string | undefined, phase: Phase, state: StepState, message = ''): DatamillEvent {
  return { type: 'step', ...(component === undefined ? {} : { component }), phase, state, message };
}

class FakeStream extends Writable {
  text = '';
  isTTY = true;
  columns = 60;
  rows = 24;
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

function fakeClock(start = Date.UTC(2026, 10, 21, 12, 1, 2)) {
  const clock = () => clock.now;
  clock.now = start;
  clock.pass = (seconds: number) => {
    clock.now += seconds * 1000;
  };
  return clock;
}

/** What a terminal shows in the end: a small emulator of what log-update writes. */
function screen(text: string): string[] {
  const lines = [''];
  let row = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is read here.
  for (const [token] of text.matchAll(/\u001b\[[?0-9;]*[A-Za-z]|\n|[^\u001b\n]+/g)) {
    if (token === '\n') {
      row += 1;
      lines[row] ??= '';
    } else if (token.endsWith('A') && token.startsWith('\u001b'))
      row = Math.max(0, row - Number(token.slice(2, -1)));
    else if (token === '\u001b[2K') lines[row] = '';
    else if (token.startsWith('\u001b')) continue;
    else lines[row] += token;
  }
  return lines.filter((line) => line !== '');
}

const pause = () => new Promise((done) => setTimeout(done, 20));

/** Waits for two more frames: the second one has seen all that was reported before. */
async function drawn(stream: FakeStream): Promise<void> {
  for (let frames = 0; frames < 2; frames += 1) {
    const { length } = stream.text;
    await vi.waitFor(() => expect(stream.text.length).toBeGreaterThan(length), { timeout: 15_000 });
  }
}

describe('plain lines', () => {
  function plain() {
    const stream = new FakeStream();
    const clock = fakeClock();
    const progress = createProgress({ output: 'text', tty: false, color: false, stream, clock });
    const lines = () =>
      stream.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.replace(/^\d\d:\d\d:\d\d /, ''));
    return { stream, clock, lines, ...progress };
  }

  it('have a time, a component, a phase, a state and a message', () => {
    const { report, stream } = plain();
    report(step('minio', 'install', 'running', '0 of 1 replicas ready'));
    expect(stream.text).toMatch(/^\d\d:01:02 minio {2}install {4}running {2}0 of 1 replicas ready\n$/);
  });

  it('do not say the same thing twice', () => {
    const { report, lines, clock } = plain();
    for (let round = 0; round < 5; round += 1) {
      report(step('minio', 'install', 'running', 'same'));
      clock.pass(60);
    }
    expect(lines()).toHaveLength(1);
  });

  it('tell mere progress every ten seconds only, a new state at once', () => {
    const { report, lines, clock } = plain();
    for (let second = 0; second < 25; second += 1) {
      report(step('minio', 'install', 'running', `${second} s`));
      clock.pass(1);
    }
    report(step('minio', 'install', 'done', 'deployed'));
    expect(lines().map((line) => line.split(/\s{2,}/).at(-1))).toEqual(['0 s', '10 s', '20 s', 'deployed']);
  });

  it('keep all lines of a failure, one of anything else', () => {
    const { report, lines } = plain();
    report(step('minio', 'install', 'running', 'first\nsecond'));
    report(step('minio', 'install', 'failed', 'why\nand more'));
    expect(lines()).toEqual([
      'minio  install    running  first',
      'minio  install    failed   why',
      '           and more',
    ]);
  });

  it('show warnings with their place, and phases without a component', () => {
    const { report, lines } = plain();
    report(step(undefined, 'target', 'done', 'kwok'));
    report({ type: 'warning', message: 'has no meaning any more', file: 'flavour.yaml', line: 3, column: 1 });
    expect(lines()).toEqual([
      'target     done     kwok',
      'warning: flavour.yaml:3:1: has no meaning any more',
    ]);
  });

  it('hide secrets', () => {
    registerSecrets('secret-of-progress');
    const { report, stream } = plain();
    report(step('minio', 'secrets', 'running', 'using secret-of-progress'));
    expect(stream.text).toContain('using ***');
  });
});

describe('JSON events', () => {
  it('are one a line, beginning with schema and time', async () => {
    const stream = new FakeStream();
    const { report, stop } = createProgress({
      output: 'json',
      tty: true,
      color: true,
      stream,
      clock: fakeClock(),
    });
    report(step('minio', 'install', 'running', 'two\nlines'));
    report(step('minio', 'install', 'running', 'two\nlines'));
    await stop();
    const lines = stream.text.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^\{"schema":1,"time":"2026-11-21T12:01:02.000Z","type":"step","component":"minio",/,
    );
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      phase: 'install',
      state: 'running',
      message: 'two\nlines',
    });
  });

  it('stay JSON when a secret is a word of the format', async () => {
    registerSecrets('preflight');
    const stream = new FakeStream();
    const { report, stop } = createProgress({ output: 'json', tty: false, color: false, stream });
    report(step('minio', 'preflight', 'running', 'it is preflight'));
    await stop();
    expect(JSON.parse(stream.text)).toMatchObject({ phase: 'preflight', message: 'it is ***' });
  });

  it('all arrive in order at a reader that is slow', async () => {
    let text = '';
    const slow = new Writable({
      highWaterMark: 64,
      write(chunk, _encoding, done) {
        text += String(chunk);
        setTimeout(done, 1);
      },
    });
    const { report, stop } = createProgress({ output: 'json', tty: false, color: false, stream: slow });
    for (let number = 0; number < 100; number += 1)
      report(step('minio', 'install', 'running', String(number)));
    expect(slow.writableLength).toBeLessThan(1000);
    await stop();
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => Number(JSON.parse(line).message)),
    ).toEqual([...Array(100).keys()]);
  });

  it('stop quietly when nobody reads any more', async () => {
    const gone = new Writable({
      write(_chunk, _encoding, done) {
        done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      },
    });
    const { report, stop } = createProgress({ output: 'json', tty: false, color: false, stream: gone });
    report(step('minio', 'install', 'running'));
    await pause();
    report(step('minio', 'install', 'done'));
    await stop();
    expect(gone.destroyed).toBe(true);
  });
});

describe('the live display', () => {
  function live(size: { columns?: number; rows?: number } = {}) {
    const stream = Object.assign(new FakeStream(), size);
    const clock = fakeClock();
    const progress = createProgress({ output: 'text', tty: true, color: false, stream, clock });
    return { stream, clock, ...progress };
  }

  it('has a line for every step, in the order they were first seen', async () => {
    const { report, stop, stream, clock } = live();
    report(step(undefined, 'target', 'running', 'starting'));
    report(step('minio', 'install', 'running', '0 of 1 replicas ready'));
    report(step('mlflow', 'install', 'waiting', 'waiting for minio'));
    report(step('dask', 'install', 'running'));
    await drawn(stream);
    expect(screen(stream.text).map((line) => line.slice(2))).toEqual([
      'target  starting',
      'minio  install: 0 of 1 replicas ready',
      'mlflow  waiting for minio',
      'dask  install',
    ]);
    clock.pass(12);
    report(step(undefined, 'target', 'done', 'kwok-datamill'));
    report(step('minio', 'install', 'failed', 'Pod/minio-0: no such image\nmore'));
    report(step('mlflow', 'install', 'skipped', 'minio failed'));
    report(step('dask', 'check', 'done'));
    await stop();
    expect(screen(stream.text)).toEqual([
      '✔ target  kwok-datamill  12 s',
      '✖ minio  install failed: Pod/minio-0: no such image',
      '↓ mlflow  skipped: minio failed',
      '✔ dask  12 s',
    ]);
  });

  it('hides the cursor and gives it back, and leaves the stream as it was', async () => {
    const { report, stop, stream } = live();
    const write = stream.write;
    report(step('minio', 'install', 'running'));
    await drawn(stream);
    expect(stream.text.startsWith('\u001b[?25l')).toBe(true);
    await stop();
    await stop();
    expect(stream.text.endsWith('\u001b[?25h')).toBe(true);
    expect(stream.write).toBe(write);
  });

  it('leaves no listeners behind, and takes no signals', async () => {
    const listeners = () =>
      ['SIGINT', 'SIGTERM', 'exit', 'uncaughtExceptionMonitor'].map((name) => process.listenerCount(name));
    const before = listeners();
    const { report, stop, stream } = live();
    report(step('minio', 'install', 'running'));
    await drawn(stream);
    expect(listeners().slice(0, 2)).toEqual(before.slice(0, 2));
    await stop();
    expect(listeners()).toEqual(before);
  });

  it('gives the cursor back when the process ends without stop', async () => {
    const { report, stop, stream } = live();
    report(step('minio', 'install', 'running'));
    await drawn(stream);
    for (const listener of process.listeners('uncaughtExceptionMonitor')) {
      (listener as (error: Error, origin: string) => void)(new Error('crash'), 'uncaughtException');
    }
    expect(stream.text.endsWith('\u001b[?25h')).toBe(true);
    await stop();
  });

  it('keeps every step in one line of a narrow terminal', async () => {
    const { report, stop, stream } = live({ columns: 30 });
    report(step('minio', 'install', 'running', `long ${'message '.repeat(40)}`));
    report(step('dask', 'install', 'running', '日本語'.repeat(30)));
    await drawn(stream);
    const lines = screen(stream.text);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line.length).toBeLessThan(30);
    await stop();
  });

  it('shows only what runs or failed, and a counter, when there are very many', async () => {
    const { report, stop, stream } = live({ rows: 40 });
    const names = Array.from({ length: 80 }, (_, index) => `component-${index}`);
    for (const name of names) report(step(name, 'install', 'waiting'));
    for (const name of names.slice(0, 20)) report(step(name, 'check', 'done'));
    report(step('component-30', 'install', 'running', 'going on'));
    report(step('component-31', 'install', 'failed', 'no'));
    await drawn(stream);
    const expected = [
      'component-30  install: going on',
      'component-31  install failed: no',
      '20 of 80 done, 1 running, 58 waiting, 1 failed',
    ];
    expect(screen(stream.text).map((line) => line.slice(2))).toEqual(expected);
    await stop();
    expect(screen(stream.text).map((line) => line.slice(2))).toEqual(expected);
  });

  it('collapses in a low terminal, and shows all at the end', async () => {
    const { report, stop, stream } = live({ rows: 12 });
    const names = Array.from({ length: 20 }, (_, index) => `component-${index}`);
    for (const name of names) report(step(name, 'install', 'running', 'going on'));
    await drawn(stream);
    expect(screen(stream.text).length).toBeLessThan(12);
    for (const name of names) report(step(name, 'install', 'done'));
    await stop();
    expect(screen(stream.text)).toEqual(names.map((name) => `✔ ${name}`));
  });

  it('marks what had not ended, and keeps warnings in full', async () => {
    const { report, stop, stream } = live({ columns: 30 });
    report(step('minio', 'install', 'running', 'half way'));
    const message = 'a warning that is much longer than this terminal is wide';
    report({ type: 'warning', message });
    await stop();
    expect(screen(stream.text)).toEqual(['◼ minio  install: half way', `⚠ ${message}`]);
  });

  it('tells a component from a phase of the same name', async () => {
    const { report, stop, stream } = live();
    report(step(undefined, 'plan', 'done', 'two to install'));
    report(step('plan', 'plan', 'running'));
    await stop();
    expect(screen(stream.text)).toEqual(['✔ plan  two to install', '◼ plan  plan']);
  });

  it('writes nothing when nothing happened', async () => {
    const { stop, stream } = live();
    await stop();
    expect(stream.text).toBe('');
  });

  it('goes on with a component that was done with one phase', async () => {
    const { report, stop, stream } = live();
    report(step('minio', 'secrets', 'done', 'made'));
    report(step('minio', 'install', 'running', 'x'));
    await drawn(stream);
    expect(screen(stream.text).map((line) => line.slice(2))).toEqual(['minio  install: x']);
    await stop();
  });

  it('writes what others wrote meanwhile after itself', async () => {
    const { report, stop, stream } = live();
    report(step('minio', 'install', 'running'));
    await drawn(stream);
    stream.write('from elsewhere\n');
    report(step('minio', 'install', 'done'));
    await stop();
    expect(screen(stream.text)).toEqual(['✔ minio', 'from elsewhere']);
  });
});
