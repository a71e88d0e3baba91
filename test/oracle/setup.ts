import type { TestProject } from 'vitest/node';
import { oraclePython } from './python.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A Python with Ploomber and Hera; empty where it cannot be had. */
    oraclePython: string;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const found = await oraclePython();
  if ('missing' in found) process.stdout.write(`the oracle is skipped: ${found.missing}\n`);
  project.provide('oraclePython', 'missing' in found ? '' : found.python);
}
