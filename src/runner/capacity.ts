import { statfsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { configError } from '../errors.ts';
import { exec } from '../util/exec.ts';
import type { Capacity, Gpu } from './allocator.ts';
import { parseSize } from './sizes.ts';

export interface CapacityOptions {
  maxCores?: number;
  /** A size. */
  maxMem?: string;
  /** A size, or a share of the disk such as `85%`. */
  maxDisk: string;
  cpuOnly: boolean;
  /** As CUDA_VISIBLE_DEVICES names cards. */
  visible?: string;
  /** Folder whose disk counts. */
  folder: string;
}

/** What this machine has for experiments. */
export async function capacityOf(options: CapacityOptions): Promise<Capacity> {
  const { maxCores, maxMem, maxDisk, cpuOnly, visible, folder } = options;
  const ram = maxMem === undefined ? totalmem() : parseSize(maxMem);
  if (ram === undefined) throw configError('FLAG', `--max-mem ${maxMem}: this is no size such as 16GiB`);
  return {
    cpus: maxCores ?? availableParallelism(),
    ram: Math.min(ram, totalmem()),
    hdd: diskOf(maxDisk, folder),
    gpus: cpuOnly ? [] : await findGpus(visible),
  };
}

function diskOf(said: string, folder: string): number {
  const { bsize, bavail, blocks } = statfsSync(folder);
  const free = bsize * bavail;
  const share = /^(\d+(?:\.\d+)?)%$/.exec(said)?.[1];
  if (share !== undefined) {
    const used = bsize * (blocks - bavail);
    return Math.max(0, Math.min(free, (Number(share) / 100) * bsize * blocks - used));
  }
  const bytes = parseSize(said);
  if (bytes === undefined)
    throw configError('FLAG', `--max-disk ${said}: this is no size, and no share such as 85%`);
  return Math.min(bytes, free);
}

/** Slots of cards as the reference counts them; others by their memory. */
const SLOTS: Array<[RegExp, number]> = [
  [/GTX 1050/, 1],
  [/GTX 1060/, 1],
  [/GTX 1070/, 2],
  [/GTX 1080/, 2],
  [/TITAN X/i, 4],
];
const BYTES_PER_SLOT = 4e9;

async function findGpus(visible: string | undefined): Promise<Gpu[]> {
  if (visible === '' || visible === '-1' || visible === 'none') return [];
  const args = ['--query-gpu=index,uuid,name,memory.total', '--format=csv,noheader,nounits'];
  const asked = await exec('nvidia-smi', args).catch(() => undefined);
  if (asked?.exitCode !== 0) return [];
  return parseGpus(asked.stdout, visible);
}

/** Cards from the CSV of nvidia-smi: index, UUID, name, MiB; only the visible ones. */
function parseGpus(csv: string, visible?: string): Gpu[] {
  const wanted =
    visible === undefined || visible === 'all' ? undefined : visible.split(',').map((one) => one.trim());
  return csv
    .split('\n')
    .map((line) => line.split(',').map((one) => one.trim()))
    .filter(
      ([index, uuid]) =>
        uuid !== undefined && (wanted === undefined || wanted.includes(index!) || wanted.includes(uuid)),
    )
    .map(([, uuid = '', name = '', mebibytes]) => {
      const memory = Number(mebibytes) * 2 ** 20;
      const slots =
        SLOTS.find(([pattern]) => pattern.test(name))?.[1] ??
        Math.max(1, Math.floor(memory / BYTES_PER_SLOT));
      return { id: uuid, slots, memory };
    });
}
