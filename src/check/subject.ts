import type { Api } from '../kube/client.ts';
import type { Identity } from '../kube/labels.ts';

/** An installed component whose service is to be used. */
export interface Subject {
  api: Api;
  identity: Identity;
  component: string;
  namespace: string;
  /** Capability -> its fields, as the component provides them. */
  provides: Record<string, Record<string, unknown>>;
}

/** One try of a check. */
export interface Attempt extends Subject {
  /** Name of the check. */
  check: string;
  /** Fires at the deadline, and when the user interrupts. */
  signal: AbortSignal;
  /** Milliseconds that are left until the deadline. */
  left(): number;
  /** Says what is being waited for from now on. */
  doing(what: string): void;
}

/** What became of a check. */
export interface CheckResult {
  component: string;
  name: string;
  result: 'passed' | 'failed' | 'skipped';
  seconds: number;
  /** What came back, or why it failed; of several lines the first says the most. */
  message: string;
}
