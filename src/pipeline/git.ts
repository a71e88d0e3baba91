import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Place } from './types.ts';

/** What `{{git}}` and `{{git_hash}}` stand for, where a folder is in a repository with a commit. */
export interface GitFacts {
  git?: string;
  git_hash?: string;
}

/** Sections of a repository's configuration that can make git run programs. */
const DANGEROUS =
  /^\s*\[\s*(filter|include|includeif|diff|merge|extensions|alias|credential)\b|fsmonitor|hookspath|sshcommand|pager|editor/im;

/** Whether a YAML file beside the pipeline file, or here, speaks of git: else nobody asks it. */
export function usesGit({ folder }: Place, cwd: string): boolean {
  const files = [...new Set([folder, cwd])].flatMap((one) =>
    readdirSync(one)
      .filter((name) => /^(env|pipeline).*\.ya?ml$/.test(name))
      .map((name) => join(one, name)),
  );
  return files.some(
    (file) => statSync(file).size < LARGEST && /\{\{[^}]*\bgit/.test(readFileSync(file, 'utf8')),
  );
}

const LARGEST = 4 * 1024 * 1024;

/**
 * Asks git about the folder. The project is not trusted: where its configuration could make git run
 * a program, nothing is asked.
 */
export async function gitFacts(folder: string, wanted: boolean): Promise<GitFacts> {
  if (!wanted) return {};
  const home = findGit(folder);
  if (home === undefined || !isTame(home)) return {};
  const hash = await git(folder, 'describe', '--tags', '--always', '--dirty=-dirty');
  if (hash === undefined) return {};
  const branch = await git(folder, 'symbolic-ref', '--short', 'HEAD');
  return { git: branch ?? hash, git_hash: hash };
}

/**
 * The files that git tracks in a folder, relative to it; undefined where there is no repository, or
 * one whose configuration could make git run a program.
 */
export async function trackedFiles(folder: string): Promise<string[] | undefined> {
  const home = findGit(folder);
  if (home === undefined || !isTame(home)) return undefined;
  const files = await git(folder, 'ls-files', '-z', '--cached');
  return files?.split('\0').filter((path) => path !== '');
}

/** A commit that others can clone, and what stands in the way. */
export interface Commit {
  revision: string;
  /** Where the remote of the branch is. */
  url: string;
  /** The project in the repository; empty when it is its root. */
  folder: string;
  /** Files that differ from the commit. */
  changed: string[];
  /** Whether a branch of the remote, as far as it is known here, has the commit. */
  pushed: boolean;
}

/** What `--dest git` runs; undefined where there is no commit or no remote. */
export async function currentCommit(folder: string): Promise<Commit | undefined> {
  const home = findGit(folder);
  if (home === undefined || !isTame(home)) return undefined;
  const revision = await git(folder, 'rev-parse', 'HEAD');
  const remotes = (await git(folder, 'remote'))?.split('\n').filter((name) => name !== '') ?? [];
  const remote = remotes.includes('origin') ? 'origin' : remotes[0];
  if (revision === undefined || remote === undefined) return undefined;
  const url = await git(folder, 'remote', 'get-url', remote);
  const status = (await git(folder, 'status', '--porcelain', '-z', '--untracked-files=no', '--', '.')) ?? '';
  const branches = await git(folder, 'branch', '--remotes', '--contains', revision);
  return {
    revision,
    url: url ?? '',
    folder: ((await git(folder, 'rev-parse', '--show-prefix')) ?? '').replace(/\/$/, ''),
    changed: status.split('\0').flatMap((entry) => (entry === '' ? [] : [entry.slice(3)])),
    pushed: (branches ?? '') !== '',
  };
}

async function git(folder: string, ...args: string[]): Promise<string | undefined> {
  const { exec } = await import('../util/exec.ts');
  try {
    const guarded = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-C', folder, ...args];
    const { exitCode, stdout } = await exec('git', guarded, { env: { GIT_OPTIONAL_LOCKS: '0' } });
    return exitCode === 0 ? stdout.replace(/\n$/, '') : undefined;
  } catch {
    return undefined;
  }
}

function findGit(folder: string): string | undefined {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, '.git');
    if (existsSync(path)) return statSync(path).isDirectory() ? path : undefined;
    if (dirname(at) === at) return undefined;
  }
}

function isTame(home: string): boolean {
  const config = join(home, 'config');
  if (!existsSync(config)) return true;
  return statSync(config).size < 256 * 1024 && !DANGEROUS.test(readFileSync(config, 'utf8'));
}
