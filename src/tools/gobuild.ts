import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../util/abort.ts';
import { runGroup } from '../util/group.ts';
import { withLock } from '../util/lock.ts';
import { cacheFolder } from '../util/paths.ts';
import type { InstallContext } from './download.ts';
import { fromCache, type Tool } from './find.ts';
import { freshFolder, programOf, store } from './store.ts';
import { moduleFolder, type ToolTable } from './table.ts';

/**
 * Builds the named tools, all of one module, in one go: what they share compiles once. The
 * module's folder is only read. A reason instead of tools means that they could not be built.
 */
export async function build(
  table: ToolTable,
  module: string,
  names: string[],
  context: InstallContext,
): Promise<Tool[] | string> {
  const onWait = () => context.onProgress(`${names.join(', ')}: another process is building`);
  const lock = cacheFolder('build', `${module}.lock`);
  return withLock(lock, { signal: context.signal, onWait }, async () => {
    const built: Tool[] = [];
    const missing: string[] = [];
    for (const name of names) {
      const cached = await fromCache(name, table.tools[name]!);
      if (cached === undefined) missing.push(name);
      else built.push(cached);
    }
    if (missing.length === 0) return built;
    const made = await buildMissing(table, module, missing, context);
    return typeof made === 'string' ? made : [...built, ...made];
  });
}

async function buildMissing(table: ToolTable, module: string, names: string[], context: InstallContext) {
  const folder = await freshFolder(cacheFolder('build'), `${module}-`);
  const packages = names.map((name) => table.tools[name]!.build.package);
  const progress = watchBuild(names, context.onProgress);
  try {
    const result = await runGroup('go', buildArgs(table, module, folder, packages), {
      cwd: moduleFolder(module),
      // The module is complete in itself, and what is built is for this machine.
      env: {
        ...context.env,
        CGO_ENABLED: '0',
        GOWORK: 'off',
        GOOS: undefined,
        GOARCH: undefined,
        GOFLAGS: undefined,
      },
      signal: context.signal,
      onLine: progress.onLine,
    });
    throwIfAborted(context.signal);
    if (result.exitCode !== 0) return `go build failed: ${errorLines(result.stderr)}`;
    return await Promise.all(
      names.map((name) => {
        const row = table.tools[name]!;
        return store(name, row, join(folder, programOf(row.build.package)), 'build');
      }),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'there is no Go toolchain on PATH';
    throw error;
  } finally {
    progress.end();
    await rm(folder, { recursive: true, force: true });
  }
}

function buildArgs(table: ToolTable, module: string, folder: string, packages: string[]): string[] {
  const ldflags = ['-s', '-w', ...table.modules[module]!.ldflags].join(' ');
  return ['build', '-v', '-trimpath', '-mod=readonly', '-ldflags', ldflags, '-o', `${folder}/`, ...packages];
}

/** What went wrong, out of an output that mostly lists compiled packages. */
function errorLines(output: string): string {
  const lines = output
    .split('\n')
    .filter((line) => line.includes(' ') && !line.startsWith('go: downloading '));
  return (lines.length > 0 ? lines : output.split('\n')).slice(-12).join('\n').trim();
}

/** `go build -v` writes a line per compiled package, and one per downloaded module. */
function watchBuild(names: string[], onProgress: (message: string) => void) {
  const started = performance.now();
  let compiled = 0;
  let downloaded = 0;
  const report = () => {
    const parts = [`building ${names.join(', ')} from source`];
    if (downloaded > 0) parts.push(`${downloaded} modules downloaded`);
    if (compiled > 0) parts.push(`${compiled} packages compiled`);
    parts.push(`${Math.round((performance.now() - started) / 1000)} s`);
    onProgress(parts.join(', '));
  };
  report();
  const timer = setInterval(report, 3_000);
  const onLine = (line: string) => {
    if (line.startsWith('go: downloading ')) downloaded++;
    else if (!line.includes(' ')) compiled++;
  };
  return { onLine, end: () => clearInterval(timer) };
}
