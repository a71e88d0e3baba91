import { bundle } from '../config/validate.ts';
import { configError, DatamillError, type Location } from '../errors.ts';
import type { Warning } from './types.ts';

/** Collects what is wrong, so that all of it is told in one go. */
export class Problems {
  readonly errors: DatamillError[] = [];
  readonly warnings: Warning[] = [];

  add(code: string, message: string, at: Location | undefined, hint?: string): void {
    this.errors.push(configError(code, message, { at, hint }));
  }

  warn(warning: Warning): void {
    this.warnings.push(warning);
  }

  /** Runs a part; what it throws is collected. @returns undefined when it threw. */
  attempt<T>(part: () => T): T | undefined {
    try {
      return part();
    } catch (error) {
      if (!(error instanceof DatamillError)) throw error;
      this.errors.push(...withoutOthers(error));
      return undefined;
    }
  }

  /** @throws {DatamillError} the first problem, with the others in it. */
  check(): void {
    if (this.errors.length > 0) throw bundle(this.errors);
  }
}

function withoutOthers(error: DatamillError): DatamillError[] {
  if (error.others.length === 0) return [error];
  const { code, message, at, hint, cause, exitCode, others } = error;
  return [new DatamillError(code, message, { at, hint, cause, exitCode }), ...others];
}
