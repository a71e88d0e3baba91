import type { GpuNodes } from './nodes.ts';

/** What nodes with GPUs add to the list of what is paid for. */
export function gpuCost(gpu: GpuNodes | undefined): string[] {
  return gpu === undefined
    ? []
    : [`${gpu.count} nodes of ${gpu.size} with GPUs${gpu.spot ? ' at spot prices' : ''}`];
}
