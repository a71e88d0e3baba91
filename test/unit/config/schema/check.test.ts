import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { DatamillError } from '../../../../src/errors.ts';
import { resolve } from '../../../../src/resolve/resolve.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datamill-checks-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The checks of a component as they come out of its flavour. */
function checksOf(...checks: object[]) {
  const file = join(folder, 'flavour.yaml');
  const config = { port: { type: 'integer', default: 8080, description: 'Its port.' } };
  const components = { web: { config, checks, objects: [{ apiVersion: 'v1', kind: 'ConfigMap' }] } };
  writeFileSync(file, stringify({ project: { k8s_namespace: 'shop' }, components }));
  return resolve({ flavours: [file] }).components[0]!.checks;
}

function refusal(...checks: object[]): DatamillError {
  try {
    checksOf(...checks);
  } catch (error) {
    return error as DatamillError;
  }
  throw new Error('they were taken');
}

const http = { service: 'web', port: 80 };
const job = { image: 'x:1', command: ['true'] };

describe('the checks of a component', () => {
  it('are evaluated as templates and keep their types', () => {
    const [check] = checksOf({
      name: 'answers',
      http: { service: '{{release}}', port: '{{config.port}}', contains: '{{config.port}}' },
    });

    expect(check).toMatchObject({
      timeout: 60,
      http: { service: 'web', port: 8080, path: '/', method: 'GET', contains: '8080' },
    });
  });

  it('give texts to a Job, whatever a template gives', () => {
    const words = {
      image: 'x:1',
      command: ['run', '{{config.port}}'],
      env: { PORT: '{{config.port}}', ON: true },
    };

    expect(checksOf({ name: 'runs', job: words })[0]!.job).toMatchObject({
      command: ['run', '8080'],
      env: { PORT: '8080', ON: 'true' },
    });
  });

  it.each<[string, object[], RegExp]>([
    ['no kind', [{ name: 'a' }], /a check is of one kind .*; this one names none/],
    ['two kinds', [{ name: 'a', http, job }], /this one names http and job/],
    [
      'two of one name',
      [
        { name: 'a', http },
        { name: 'a', job },
      ],
      /another check has this name/,
    ],
    ['a name that is none', [{ name: 'My check', http }], /must be a DNS label/],
    ['an unknown word', [{ name: 'a', http: { ...http, pathh: '/' } }], /unknown key "pathh"/],
    ['a path that is none', [{ name: 'a', http: { ...http, path: 'x' } }], /must begin with \//],
    ['a port that is text', [{ name: 'a', tcp: { ...http, port: 'http' } }], /whole number, or a template/],
    ['no command', [{ name: 'a', job: { image: 'x:1' } }], /command/],
    ['a timeout of nothing', [{ name: 'a', timeout: 0, http }], /timeout/],
  ])('are refused with %s', (_what, checks, message) => {
    const error = refusal(...checks);

    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(message);
    expect(error.at).toMatchObject({ file: join(folder, 'flavour.yaml'), line: expect.any(Number) });
  });

  it('are refused with their place when a template gives what is no port', () => {
    const error = refusal({ name: 'a', http: { ...http, port: '{{namespace}}' } });

    expect(error.message).toMatch(/web\.checks\.0\.http\.port: .*"shop"/);
    expect(error.at?.line).toBeGreaterThan(1);
  });
});
