import { existsSync } from 'node:fs';
import { readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DatamillError } from '../../errors.ts';
import type { Tool } from '../../tools/index.ts';
import { throwIfAborted } from '../../util/abort.ts';
import type { ExecResult } from '../../util/exec.ts';
import { runGroup } from '../../util/group.ts';
import type { TargetIO } from '../contract.ts';
import { components } from './files.ts';
import { type Layout, stageFiles } from './layout.ts';
import { endedComponents, stoppedComponents } from './processes.ts';

/** How long the control plane may take to become ready. */
const WAIT = '120s';

/** The command line that makes the cluster; `env` because kwokctl knows its folder from there only. */
export async function createCommand(layout: Layout, kwokctl: string): Promise<string[]> {
  const files = [layout.config, ...(await stageFiles())].flatMap((file) => ['-c', file]);
  const args = ['create', 'cluster', '--kubeconfig', layout.kubeconfig, '--wait', WAIT];
  return [...environment(layout), kwokctl, '--name', layout.name, ...files, ...args];
}

export function startCommand(layout: Layout, kwokctl: string): string[] {
  const args = ['--name', layout.name, '-c', layout.config, 'start', 'cluster', '--wait', WAIT];
  return [...environment(layout), kwokctl, ...args];
}

/** HOME, so that kwokctl writes its caches beside the cluster and not into the user's ~/.kube. */
function environment(layout: Layout): string[] {
  return ['env', `KWOK_WORKDIR=${layout.workdir}`, `HOME=${layout.root}`];
}

/** @throws REHEARSAL_FAILED with the end of the failing component's log. */
export async function runKwokctl(layout: Layout, command: string[], io: TargetIO): Promise<void> {
  const [file, ...args] = command as [string, ...string[]];
  const result = io.exec ? await io.exec(file, args) : await runWatched(layout, file, args, io.signal);
  throwIfAborted(io.signal);
  if (result.exitCode === 0) return;
  const reason = await why(layout, result.stderr);
  throw new DatamillError(
    'REHEARSAL_FAILED',
    `The rehearsal cluster ${layout.name} does not come up.\n${reason}`,
    {
      hint: 'Remove it with `datamill destroy` and try again; `datamill tools list` shows the programs that it uses.',
    },
  );
}

/** Runs kwokctl, but does not let it wait for a component that has ended: none is started again. */
async function runWatched(
  layout: Layout,
  file: string,
  args: string[],
  signal?: AbortSignal,
): Promise<ExecResult> {
  const given = new AbortController();
  const both = signal === undefined ? given.signal : AbortSignal.any([signal, given.signal]);
  let before: string[] = [];
  const timer = setInterval(async () => {
    const ended = await endedComponents(layout);
    if (ended.some((program) => before.includes(program))) given.abort();
    before = ended;
  }, 1_000);
  try {
    const result = await runGroup(file, args, { signal: both });
    return given.signal.aborted ? { ...result, exitCode: 1 } : result;
  } finally {
    clearInterval(timer);
  }
}

/** The end of the logs of components that do not run, else of what kwokctl said. */
async function why(layout: Layout, stderr: string): Promise<string> {
  const parts: string[] = [];
  for (const program of await stoppedComponents(layout)) {
    const log = await readFile(join(layout.cluster, 'logs', `${program}.log`), 'utf8').catch(() => '');
    if (log !== '') parts.push(`The end of the log of ${program}:\n${lastLines(log)}`);
  }
  return parts.length > 0 ? parts.join('\n') : lastLines(stderr);
}

function lastLines(text: string): string {
  const lines = text.trimEnd().split('\n').slice(-12);
  return lines.map((line) => `  ${line.slice(0, 400)}`).join('\n');
}

/** kwokctl links to the programs in the cache; a link whose program was deleted is set anew. */
export async function relink(layout: Layout, tools: Map<string, Tool>): Promise<void> {
  for (const { tool, program } of components) {
    const link = join(layout.cluster, 'bin', program);
    if (existsSync(link)) continue;
    await rm(link, { force: true });
    await symlink(tools.get(tool)!.path, link);
  }
}
