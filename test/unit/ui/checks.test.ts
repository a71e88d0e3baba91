import { describe, expect, it } from 'vitest';
import type { CheckResult } from '../../../src/actions/checks.ts';
import type { StepEvent } from '../../../src/actions/events.ts';
import { renderChecks } from '../../../src/ui/checks.ts';
import { Board } from '../../../src/ui/progress/board.ts';
import { createStyle } from '../../../src/ui/style.ts';
import { renderSummary } from '../../../src/ui/summary.ts';
import { registerSecrets } from '../../../src/util/redact.ts';

const style = createStyle(false);

function check(component: string, result: CheckResult['result'], message: string): CheckResult {
  return { component, name: 'works', result, seconds: result === 'skipped' ? 0 : 12.34, message };
}

describe('the report of checks', () => {
  it('has a line for each, and all lines of those that failed', () => {
    registerSecrets('correct-horse');
    const checks = [
      check('store', 'passed', 'put\ngot'),
      check('api', 'failed', 'its Job failed: exited with code 3\nlogin with correct-horse\nrefused'),
      check('hub', 'skipped', 'pods are simulated'),
    ];

    expect(renderChecks(checks, { style })).toBe(`COMPONENT  CHECK  RESULT   TIME  WHAT CAME BACK
store      works  passed   12 s  put; got
api        works  failed   12 s  its Job failed: exited with code 3
hub        works  skipped        pods are simulated

api: the check works failed after 12 s: its Job failed: exited with code 3
  login with ***
  refused
`);
  });

  it('is cut to the width of the terminal, but not where it says why', () => {
    const long = `it ${'really '.repeat(30)}failed`;

    const lines = renderChecks([check('api', 'failed', long)], { style, width: 60 }).split('\n');

    expect(lines[1]!.length).toBeLessThanOrEqual(60);
    expect(lines[3]).toContain(long);
  });

  it.each([
    [{ passed: 3, failed: 0, skipped: 0 }, 'Done in 2.0 s: 3 installed; checks: 3 passed.'],
    [{ passed: 0, failed: 0, skipped: 0 }, 'Done in 2.0 s: 3 installed; checks: none to make.'],
    [undefined, 'Done in 2.0 s: 3 installed.'],
  ])('is counted in the last line of up: %o', (checks, words) => {
    const counts = { installed: 3, upgraded: 0, unchanged: 0, removed: 0, failed: 0, skipped: 0 };
    const result = {
      type: 'summary',
      result: 'ok',
      simulated: false,
      ...counts,
      checks,
      seconds: 2,
    } as const;

    expect(renderSummary({ components: [], result }).trimEnd().split('\n').at(-1)).toBe(words);
  });
});

describe('the display', () => {
  it('keeps a component done when its checks are skipped, and takes it up again when they are made', () => {
    const board = new Board(() => 0);
    const step = (phase: StepEvent['phase'], state: StepEvent['state']) =>
      board.take({ type: 'step', component: 'store', phase, state, message: '' });
    step('install', 'done');
    step('check', 'skipped');
    expect(board.steps[0]).toMatchObject({ phase: 'install', state: 'done' });
    step('check', 'running');
    expect(board.steps[0]).toMatchObject({ phase: 'check', state: 'running' });
    step('check', 'failed');
    expect(board.steps[0]).toMatchObject({ phase: 'check', state: 'failed' });
  });
});
