import { parseQuantity } from '../../util/quantity.ts';
import type { TargetSpec } from '../contract.ts';

/** The version without its v. */
export function plainVersion({ version }: TargetSpec): string | undefined {
  return version?.replace(/^v/, '');
}

/** The disk in MiB, rounded up. */
export function diskMebibytes({ storage }: TargetSpec): number | undefined {
  const bytes = parseQuantity(storage);
  return bytes === undefined ? undefined : Math.ceil(bytes / 1024 / 1024);
}

export function textSetting({ settings }: TargetSpec, key: string): string | undefined {
  const value = settings[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function listSetting({ settings }: TargetSpec, key: string): string[] {
  const value = settings[key];
  return (Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [])
    .map((item) => String(item).trim())
    .filter((item) => item !== '');
}

export function flagSetting({ settings }: TargetSpec, key: string): boolean {
  return settings[key] === true;
}

/** Registry -> where it is asked instead: `registry_mirrors: { docker.io: http://10.0.0.1:5000 }`. */
export function mirrorsOf({ settings }: TargetSpec): Array<[registry: string, url: string]> {
  const mirrors = settings.registry_mirrors;
  return typeof mirrors === 'object' && mirrors !== null
    ? Object.entries(mirrors).map(([registry, url]) => [registry, String(url)])
    : [];
}

/** Host folder and where nodes see it: `mount: /data:/data`. */
export function mountOf(spec: TargetSpec): { host: string; node: string } | undefined {
  const [, host, node] = /^(.+):(\/[^:]*)$/.exec(textSetting(spec, 'mount') ?? '') ?? [];
  return host === undefined || node === undefined ? undefined : { host, node };
}
