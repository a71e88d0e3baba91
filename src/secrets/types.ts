import type { Location } from '../errors.ts';

/** One value of a Secret that the flavour defines itself. */
export interface SecretValue {
  name: string;
  key: string;
  value: string;
  /** Where it comes from, for messages: a file with its place, a variable, a path in Vault. */
  source: string;
  at?: Location;
}

export interface LoadOptions {
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  warn(message: string, at?: Location): void;
}
