// The runner: experiments from queues, their artifacts from and to the lake, metadata from what they print.
export { listExperiments } from './experiments.ts';
export { createLog, type LogEvent } from './log.ts';
export { openQueue } from './queues/index.ts';
export type { RunnerStatus } from './server.ts';
export type { QueueSettings, RunnerSettings } from './settings.ts';
export { startRunner } from './start.ts';
export { submitRequest } from './submit.ts';
