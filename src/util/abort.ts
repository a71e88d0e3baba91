import { DatamillError, interruptedError } from '../errors.ts';

/** The error that an aborted signal stands for: its own reason when that is one of ours. */
export function abortError(signal: AbortSignal): DatamillError {
  return signal.reason instanceof DatamillError ? signal.reason : interruptedError();
}

/** @throws the signal's error when it has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** Waits; an abort ends the wait at once with the signal's error. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done);
  });
  throwIfAborted(signal);
}
