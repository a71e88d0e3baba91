// The library: the same actions that the command line uses.

export { type DownOptions, type DownResult, down } from './actions/down.ts';
export type { DatamillEvent, Reporter, StepEvent, SummaryEvent, WarningEvent } from './actions/events.ts';
export { type PlanResult, type PlanStep, plan } from './actions/plan.ts';
export { type StatusResult, status } from './actions/status.ts';
export { type UpOptions, type UpResult, up } from './actions/up.ts';
export { DatamillError, ExitCode, type Location } from './errors.ts';
export { type ResolveOptions, resolve } from './resolve/resolve.ts';
export type { Resolved, ResolvedComponent } from './resolve/types.ts';
