import type { Request } from './request.ts';
import { parseSize } from './sizes.ts';

/** What an experiment asks for; memory and disk in bytes. */
export interface Resources {
  cpus: number;
  /** Slots of GPUs. */
  gpus: number;
  /** Memory that a GPU must have. */
  gpuMem: number;
  ram: number;
  hdd: number;
}

/** What counts when a message says nothing: a small task. */
const DEFAULTS: Resources = { cpus: 1, gpus: 0, gpuMem: 0, ram: 512e6, hdd: 1e9 };

type Needed = Record<string, unknown> | null | undefined;

/**
 * The resources of `resources_needed`; what is missing or unreadable takes the default. `gpuCount`
 * came as a text and stands for `gpus` where that is missing.
 */
function resourcesOf(needed: Needed): Resources {
  const number = (value: unknown, otherwise: number) => {
    const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    return typeof read === 'number' && Number.isFinite(read) && read >= 0 ? read : otherwise;
  };
  const from = needed ?? {};
  return {
    cpus: number(from.cpus, DEFAULTS.cpus),
    gpus: number(from.gpus, number(from.gpuCount, DEFAULTS.gpus)),
    gpuMem: parseSize(from.gpuMem) ?? DEFAULTS.gpuMem,
    ram: parseSize(from.ram) ?? DEFAULTS.ram,
    hdd: parseSize(from.hdd) ?? DEFAULTS.hdd,
  };
}

/** Those of the experiment count over those of the client's configuration. */
export function resourcesOfRequest({ experiment, config }: Request): Resources {
  return resourcesOf({ ...config.resources_needed, ...experiment.resources_needed });
}
