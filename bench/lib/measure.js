// Runs programs and measures them.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const WATCH = fileURLToPath(new URL('./usage.js', import.meta.url));

/**
 * Runs a program to its end and says how long it took on the clock.
 *
 * @returns {Promise<{ seconds: number, stdout: string }>}
 * @throws when it ends with another code than 0.
 */
export async function run(file, args, { env = {}, input = '', cwd } = {}) {
  const started = performance.now();
  const child = spawn(file, args, { env: { ...process.env, ...env }, cwd });
  const out = [];
  const err = [];
  child.stdout.on('data', (chunk) => out.push(chunk));
  child.stderr.on('data', (chunk) => err.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const seconds = (performance.now() - started) / 1000;
  if (code === 0) return { seconds, stdout: Buffer.concat(out).toString() };
  const said = Buffer.concat([...out, ...err])
    .toString()
    .slice(-2000);
  throw new Error(`${file} ${args.join(' ')} ended with ${code}:\n${said}`);
}

/** CPU seconds, user and system, that a program and its children use: bash's own `time` counts them. */
export async function cpu(file, args, options = {}) {
  const script = `TIMEFORMAT='%U %S'; { time "$@" >/dev/null 2>&1; } 2>&1`;
  const { stdout } = await run('bash', ['-c', script, 'bash', file, ...args], options);
  return stdout
    .trim()
    .split(' ')
    .map(Number)
    .reduce((sum, part) => sum + part, 0);
}

/** Peak memory in MB of a Node program, which tells it itself at its end. */
export async function peakMemory(args, { report, env = {}, ...options }) {
  const watched = { ...env, NODE_OPTIONS: `--import ${WATCH}`, BENCH_USAGE: report };
  await run(process.execPath, args, { ...options, env: watched });
  return JSON.parse(await readFile(report, 'utf8')).maxRSS / 1000;
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Runs every contestant once a round, each round beginning with another one, so that what else
 * the machine does meanwhile meets all of them alike.
 *
 * @param {Record<string, (round: number) => Promise<number>>} contestants
 * @returns {Promise<Record<string, number[]>>} what each run measured, in order.
 */
export async function interleaved(rounds, contestants) {
  const names = Object.keys(contestants);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length];
      results[name].push(await contestants[name](round));
    }
  }
  return results;
}

/** Runs tasks, at most `limit` at a time, and waits for all. */
export async function pool(limit, tasks) {
  const waiting = [...tasks];
  const worker = async () => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) await task();
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
