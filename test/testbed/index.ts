import { readFile } from 'node:fs/promises';
import { errorMessage } from '../../src/errors.ts';
import { writeAtomically } from '../../src/util/atomic.ts';
import { down } from './down.ts';
import { imageNames } from './image/spec.ts';
import { kubeconfig, nodeName } from './layout.ts';
import { status } from './status.ts';
import { difference, type Traces, traces } from './traces.ts';
import { loadImages, up } from './up.ts';

const USAGE = `npm run testbed up [NAME...]     bring it up, with these images (when none is named: all but the
                                 large ones that were not made before)
npm run testbed down             take it away; the cache of programs and images stays
npm run testbed status           what of it runs; exit code 3 when not all of it does
npm run testbed load NAME...     give images to it: folders of test/testbed/images/ and images/
npm run testbed traces [FILE]    what it changes on this machine: written to FILE when there is
                                 none, else compared with FILE`;

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** Runs a command of the testbed; gives the exit code. */
export async function main([command, ...names]: string[]): Promise<number> {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
  const { signal } = controller;
  try {
    return await run(command, names, signal);
  } catch (error) {
    say(errorMessage(error));
    return signal.aborted ? 130 : 1;
  }
}

async function run(command: string | undefined, names: string[], signal: AbortSignal): Promise<number> {
  switch (command) {
    case 'up':
      await up({ say, signal, images: names.length > 0 ? names : undefined });
      console.log(`export KUBECONFIG=${kubeconfig()} # context ${nodeName}`);
      return 0;
    case 'down':
      await down({ say, signal });
      return 0;
    case 'status':
      return showStatus();
    case 'load':
      await loadImages(names.length > 0 ? names : await imageNames(), { say, signal });
      return 0;
    case 'traces':
      return showTraces(names[0]);
    default:
      say(USAGE);
      return 2;
  }
}

async function showStatus(): Promise<number> {
  const { up: isUp, daemons } = await status();
  for (const [name, runs] of Object.entries(daemons))
    console.log(`${name}: ${runs ? 'runs' : 'does not run'}`);
  if (isUp) console.log(`export KUBECONFIG=${kubeconfig()} # context ${nodeName}`);
  return isUp ? 0 : 3;
}

async function showTraces(file: string | undefined): Promise<number> {
  const now = await traces();
  if (file === undefined) {
    console.log(JSON.stringify(now, null, 2));
    return 0;
  }
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (before === undefined) {
    await writeAtomically(file, JSON.stringify(now, null, 2));
    return 0;
  }
  const left = difference(JSON.parse(before) as Traces, now);
  for (const line of left) console.log(line);
  return left.length === 0 ? 0 : 1;
}
