import { DatamillError } from '../errors.ts';
import type { Finding } from '../kube/diagnose.ts';

/** A failed installation, with what the cluster said while helm still waited. */
export class InstallError extends DatamillError {
  readonly findings: Finding[];

  constructor(message: string, findings: Finding[], hint?: string) {
    super('RELEASE_FAILED', message, { hint });
    this.findings = findings;
  }
}
