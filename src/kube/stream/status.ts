import { DatamillError } from '../../errors.ts';

interface Status {
  status?: string;
  reason?: string;
  message?: string;
  details?: { causes?: Array<{ reason?: string; message?: string }> };
}

/**
 * The exit code in the Status that ends an exec.
 *
 * @throws {DatamillError} EXEC (exit 1) when the program could not be started.
 */
export function exitCodeOf(text: string): number {
  const status = parse(text);
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  const code = Number(cause?.message);
  if (cause !== undefined && Number.isInteger(code)) return code;
  const message = status.message ?? text;
  const missing = /executable file not found|no such file or directory/i.test(message);
  throw new DatamillError('EXEC', `the program cannot be run in the container: ${message.trim()}`, {
    ...(missing ? { hint: 'the image of this container does not hold it' } : {}),
  });
}

function parse(text: string): Status {
  try {
    return JSON.parse(text) as Status;
  } catch {
    return {};
  }
}
