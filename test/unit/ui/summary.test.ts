import { describe, expect, it } from 'vitest';
import type { SummaryEvent } from '../../../src/actions/events.ts';
import { duration, renderSummary } from '../../../src/ui/summary.ts';

const result: SummaryEvent = {
  type: 'summary',
  result: 'ok',
  simulated: false,
  installed: 1,
  upgraded: 0,
  unchanged: 1,
  removed: 0,
  failed: 0,
  skipped: 0,
  seconds: 21.4,
};

describe('renderSummary', () => {
  it('shows components, links, what is simulated and what to do next', () => {
    const out = renderSummary({
      components: [
        {
          name: 'minio',
          state: 'installed',
          release: 'minio-datalake',
          namespace: 'data-mill',
          seconds: 8.25,
        },
        { name: 'dask', state: 'unchanged', release: 'dask', namespace: 'data-mill' },
      ],
      links: [{ component: 'minio', name: 'console', url: 'http://localhost:9001/' }],
      result: { ...result, simulated: true },
      next: [{ command: 'datamill status', about: 'how it is' }, 'datamill down'],
    });
    expect(out).toBe(
      [
        'COMPONENT  STATE      RELEASE         NAMESPACE   TIME',
        'minio      installed  minio-datalake  data-mill  8.3 s',
        'dask       unchanged  dask            data-mill',
        '',
        'LINK            ADDRESS',
        'minio  console  http://localhost:9001/',
        '',
        'The pods are simulated: the API server is real, but nothing runs in the cluster.',
        '',
        'Next:',
        '  datamill status  how it is',
        '  datamill down',
        '',
        'Done in 21 s: 1 installed, 1 unchanged.',
        '',
      ].join('\n'),
    );
  });

  it('says why components failed or were skipped', () => {
    const out = renderSummary({
      components: [
        {
          name: 'minio',
          state: 'failed',
          release: 'minio',
          namespace: 'a',
          message: 'image cannot be pulled',
        },
        { name: 'mlflow', state: 'skipped', release: 'mlflow', namespace: 'a', message: 'minio failed' },
      ],
      result: { ...result, result: 'failed', installed: 0, unchanged: 0, failed: 1, skipped: 1 },
    });
    expect(out).toContain('minio failed: image cannot be pulled\nmlflow skipped: minio failed\n');
    expect(out).toContain('Failed in 21 s: 1 failed, 1 skipped.');
    expect(out).not.toContain('simulated');
  });

  it('never cuts an address', () => {
    const url = 'http://localhost:9001/a/very/long/path/that/does/not/fit';
    const out = renderSummary(
      { components: [], links: [{ component: 'minio', name: 'console', url }] },
      { width: 30 },
    );
    expect(out).toContain(url);
  });

  it('says when there was nothing to do', () => {
    expect(
      renderSummary({ components: [], result: { ...result, installed: 0, unchanged: 0, seconds: 0.9 } }),
    ).toBe('Done in 0.9 s, nothing to do.\n');
  });
});

describe('duration', () => {
  it.each([
    [undefined, ''],
    [0.84, '0.8 s'],
    [9.96, '10 s'],
    [59.6, '1 min 0 s'],
    [125, '2 min 5 s'],
  ])('of %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
