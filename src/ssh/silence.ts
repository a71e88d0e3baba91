import type { Readable } from 'node:stream';

/**
 * Calls `onSilent` when so many turns passed without a byte. Turns are counted, not seconds: a
 * laptop that slept, or a process that did not get its turn, must not take that for silence.
 *
 * @param every milliseconds of a turn.
 * @returns stops it.
 */
export function watchSilence(
  stream: Readable,
  every: number,
  turns: number,
  onSilent: (seconds: number) => void,
): () => void {
  let silent = 0;
  const hear = () => {
    silent = 0;
  };
  stream.on('data', hear);
  const timer = setInterval(() => {
    silent += 1;
    if (silent < turns) return;
    stop();
    onSilent(Math.round((every * turns) / 1000));
  }, every);
  function stop(): void {
    clearInterval(timer);
    stream.off('data', hear);
  }
  return stop;
}
