import type { TestProject } from 'vitest/node';
import { oraclePython, pythonWith } from './python.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A Python with Ploomber and Hera; empty where it cannot be had. */
    oraclePython: string;
    /** A Python with vantage6's packages; empty where they cannot be had. */
    vantage6Python: string;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  for (const [key, found] of [
    ['oraclePython', await oraclePython()],
    ['vantage6Python', await pythonWith('vantage6.txt')],
  ] as const) {
    if ('missing' in found) process.stdout.write(`${key} is skipped: ${found.missing}\n`);
    project.provide(key, 'missing' in found ? '' : found.python);
  }
}
