import type { TargetSpec } from '../contract.ts';

/** A group of nodes with GPUs. */
export interface GpuNodes {
  size: string;
  count: number;
  accelerator?: string;
  spot: boolean;
}

export function gpuNodes({ settings }: TargetSpec): GpuNodes | undefined {
  return settings.gpu_nodes as GpuNodes | undefined;
}

export function nodesOf({ nodes }: TargetSpec): number {
  return nodes ?? 2;
}

/** The bounds between which the cloud adds and removes nodes; undefined: their number is fixed. */
export function autoscaling(spec: TargetSpec): { min: number; max: number } | undefined {
  const { min_nodes: min, max_nodes: max } = spec.settings as { min_nodes?: number; max_nodes?: number };
  if (min === undefined && max === undefined) return undefined;
  const nodes = nodesOf(spec);
  return { min: min ?? Math.min(nodes, max!), max: Math.max(max ?? nodes, min ?? 0) };
}
