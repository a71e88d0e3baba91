import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, platform, release, totalmem, userInfo } from 'node:os';
import type { Place } from './place.ts';

/** What command lines depend on: facts of the machine on which they run. */
export interface Machine {
  os: 'linux' | 'darwin' | 'win32' | 'other';
  /** ID, ID_LIKE and VERSION_ID of os-release(5); empty where there is none. */
  distro: string;
  like: string[];
  version: string;
  root: boolean;
  groups: string[];
  cpus: number;
  /** MiB */
  memory: number;
  /** Whether /snap is there, which snaps of classic confinement want. */
  snapFolder: boolean;
}

/** Facts of the machine that datamill runs on. */
export function thisMachine(): Machine {
  const os = platform();
  return {
    os: os === 'linux' || os === 'darwin' || os === 'win32' ? os : 'other',
    ...parseRelease(os === 'linux' ? readIfThere('/etc/os-release') : `VERSION_ID=${release()}`),
    root: process.getuid?.() === 0 || userInfo().uid === 0,
    groups: groupNames(),
    cpus: availableParallelism(),
    memory: Math.floor(totalmem() / 1024 / 1024),
    snapFolder: existsSync('/snap'),
  };
}

const QUESTIONS = [
  'uname -s',
  'cat /etc/os-release',
  'id -u',
  'id -Gn',
  'nproc',
  "awk '/^MemTotal/{print int($2/1024)}' /proc/meminfo",
  'test -e /snap && echo yes || echo no',
];
const MARK = '--datamill--';

/** The same of a machine that is elsewhere, in one round trip. */
export async function machineAt(place: Place): Promise<Machine> {
  const script = QUESTIONS.map((question) => `${question} 2>/dev/null; echo ${MARK}`).join('; ');
  const { stdout } = await place.run({ about: 'looking at the machine', command: ['sh', '-c', script] });
  const [uname = '', osRelease = '', uid = '', groups = '', cpus = '', memory = '', snap = ''] = stdout
    .split(`${MARK}\n`)
    .map((part) => part.trim());
  return {
    os: uname === 'Linux' ? 'linux' : uname === 'Darwin' ? 'darwin' : 'other',
    ...parseRelease(osRelease),
    root: uid === '0',
    groups: groups.split(/\s+/).filter((name) => name !== ''),
    cpus: Number(cpus) || 1,
    memory: Number(memory) || 0,
    snapFolder: snap === 'yes',
  };
}

function parseRelease(text: string): Pick<Machine, 'distro' | 'like' | 'version'> {
  const value = (key: string) => new RegExp(`^${key}=["']?([^"'\\n]*)["']?$`, 'm').exec(text)?.[1] ?? '';
  return {
    distro: value('ID'),
    like: value('ID_LIKE')
      .split(' ')
      .filter((word) => word !== ''),
    version: value('VERSION_ID'),
  };
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** The names of our groups; numbers that have none are left out. */
function groupNames(): string[] {
  const ids = new Set((process.getgroups?.() ?? []).map(String));
  return readIfThere('/etc/group')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([, , id]) => id !== undefined && ids.has(id))
    .map(([name]) => name!);
}
