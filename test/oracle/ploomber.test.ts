import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { DatamillError } from '../../src/errors.ts';
import { pipelineFixtures, readFixture, summary } from '../helpers/pipelines.ts';
import { ask } from './python.ts';

interface Answer {
  name: string;
  lazy: boolean;
  tasks?: Record<string, unknown>;
  error?: string;
}

const answers = new Map<string, Answer>();
const python = inject('oraclePython');

beforeAll(async () => {
  if (python === '') return;
  const projects = pipelineFixtures.flatMap((fixture) =>
    (fixture.eager ? [true, false] : [true]).map((lazy) => ({ ...fixture, lazy })),
  );
  for (const answer of (await ask(python, 'ask_ploomber.py', [], JSON.stringify(projects))) as Answer[])
    answers.set(`${answer.name} ${answer.lazy}`, answer);
}, 400_000);

afterAll(() => answers.clear());

describe.skipIf(python === '')('Ploomber and we', () => {
  it('have projects to compare', () => {
    expect(pipelineFixtures.filter(({ refused }) => refused === undefined).length).toBeGreaterThanOrEqual(40);
    expect(pipelineFixtures.length).toBeGreaterThanOrEqual(60);
  });

  it.each(pipelineFixtures.filter(({ refused }) => refused === undefined))(
    'see the same graph and products in $name',
    async (fixture) => {
      const ours = summary(await readFixture(fixture), fixture.folder);

      for (const lazy of fixture.eager ? [true, false] : [true]) {
        const answer = answers.get(`${fixture.name} ${lazy}`);
        expect(answer?.error).toBeUndefined();
        expect(ours).toEqual(answer?.tasks);
      }
    },
  );

  it.each(pipelineFixtures.filter(({ refused }) => refused !== undefined))(
    'refuse $name, or Ploomber evaluates what we do not',
    async (fixture) => {
      const error = await readFixture(fixture).catch((thrown: unknown) => thrown);

      expect(error).toBeInstanceOf(DatamillError);
      expect([error as DatamillError, ...(error as DatamillError).others].map(({ code }) => code)).toContain(
        fixture.refused,
      );
      const answer = answers.get(`${fixture.name} true`);
      expect(answer).toBeDefined();
      // Where Ploomber loads the project, it had to run code of it or left a dependency out.
      if (answer?.error === undefined) expect(EVALUATED).toContain(fixture.name);
    },
  );
});

/** Projects that Ploomber loads: it runs their code, or does not see what their functions ask for. */
const EVALUATED = [
  'refused-call',
  'refused-dynamic-get',
  'refused-dynamic-subscript',
  'refused-grid-python',
  'refused-location',
];
