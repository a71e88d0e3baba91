const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes for people, in decimal units as file managers write them: 20000 gives "20 kB". */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${UNITS[unit]}`;
}

/** How far a transfer is: "312 of 2000 files, 6.2 MB of 40 MB, 12 MB/s, 3 s left". */
export function progressWords(
  { files, allFiles, bytes, allBytes }: { files: number; allFiles: number; bytes: number; allBytes: number },
  seconds: number,
): string {
  const words = [`${files} of ${allFiles} files`, `${formatSize(bytes)} of ${formatSize(allBytes)}`];
  if (seconds >= 1 && bytes > 0) {
    const rate = bytes / seconds;
    words.push(`${formatSize(Math.round(rate))}/s`);
    if (bytes < allBytes) words.push(`${left((allBytes - bytes) / rate)} left`);
  }
  return words.join(', ');
}

function left(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
