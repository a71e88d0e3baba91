export { runCheck } from './run.ts';
export type { CheckResult, Subject } from './subject.ts';
