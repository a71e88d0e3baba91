import { redact } from '../util/redact.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Record<string, string | number | boolean | undefined>;

/** One thing that happened in a runner. */
export interface LogEvent {
  schema: 1;
  /** RFC 3339. */
  time: string;
  level: Level;
  message: string;
  [field: string]: unknown;
}

export interface Log {
  (level: Level, message: string, fields?: Fields): void;
  /** A log that says more with every entry. */
  with(fields: Fields): Log;
}

/** @param write takes each event, in which secrets are hidden. */
export function createLog(write: (event: LogEvent) => void, always: Fields = {}): Log {
  const log = (level: Level, message: string, fields: Fields = {}) => {
    const said = Object.entries({ ...always, ...fields }).filter(([, value]) => value !== undefined);
    const hidden = said.map(([name, value]) => [name, typeof value === 'string' ? redact(value) : value]);
    write({
      schema: 1,
      time: new Date().toISOString(),
      level,
      message: redact(message),
      ...Object.fromEntries(hidden),
    });
  };
  return Object.assign(log, { with: (fields: Fields) => createLog(write, { ...always, ...fields }) });
}
