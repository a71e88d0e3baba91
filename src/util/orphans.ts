import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Marks the children of a run, so that a later run finds those of one that was killed. */
export const RUN_VARIABLE = 'DATAMILL_RUN';

/** As long as helm is given when it is told to end: see src/helm/run.ts. */
const PATIENCE = 60_000;

/**
 * Ends the processes that a killed run left behind (a helm that still works would fight with the
 * repair), and waits for them; after `patience` milliseconds they are killed. Only where there is a /proc: elsewhere nothing is found.
 */
export async function endOrphans(run: string, patience = PATIENCE): Promise<number> {
  const pids = childrenOf(run);
  for (const pid of pids) signal(pid, 'SIGTERM');
  const deadline = Date.now() + patience;
  while (pids.some(isAlive) && Date.now() < deadline) await sleep(100);
  for (const pid of pids.filter(isAlive)) signal(pid, 'SIGKILL');
  return pids.length;
}

function childrenOf(run: string): number[] {
  const mark = `${RUN_VARIABLE}=${run}\0`;
  return listProc()
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && environ(pid).includes(mark));
}

function listProc(): string[] {
  try {
    return readdirSync('/proc');
  } catch {
    return [];
  }
}

function environ(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    // Somebody else's, or gone.
    return '';
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended in the meantime.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
