import { configError, type DatamillError } from '../errors.ts';
import type { TunnelPort } from './types.ts';

const DEFAULT_PORT = 8000;
/** Development servers listen on 127.0.0.1 or on ::1, as they like: this name is both. */
const DEFAULT_HOST = 'localhost';
/** Where sshd itself listens in the pod. */
export const SSH_PORT = 2222;
/** Ports that a program without rights cannot have are moved up by this in the pod. */
const MOVED = 40_000;

/**
 * `8000`, `80:3000`, `80:192.168.1.5:3000`, `80:[::1]:3000`: the port in the cluster, then where it
 * leads. The same one when nothing follows.
 *
 * @throws {DatamillError} TUNNEL_PORT (exit 2)
 */
export function parsePorts(texts: readonly string[]): TunnelPort[] {
  const ports = (texts.length === 0 ? [String(DEFAULT_PORT)] : texts).map(parsePort);
  for (const [index, { cluster }] of ports.entries()) {
    if (ports.findIndex((other) => other.cluster === cluster) !== index)
      throw configError('TUNNEL_PORT', `port ${cluster} of the cluster is named twice`, {
        hint: 'one port of the cluster leads to one place: -p 8000:3000 -p 8001:3001',
      });
  }
  return ports;
}

function parsePort(text: string): TunnelPort {
  const match = /^(\d{1,5})(?::(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5}))?$/.exec(text);
  if (match === null) throw wrong(text, 'is not CLUSTER[:[HOST:]LOCAL]');
  const [, cluster = '', host = DEFAULT_HOST, local = cluster] = match;
  for (const port of [cluster, local]) {
    if (Number(port) < 1 || Number(port) > 65_535) throw wrong(text, `has no port ${port}: 1 to 65535`);
  }
  return { cluster: Number(cluster), host: host.replace(/^\[|\]$/g, ''), local: Number(local) };
}

function wrong(text: string, why: string): DatamillError {
  return configError('TUNNEL_PORT', `-p ${text} ${why}`, {
    hint: 'for example -p 8000, -p 80:3000 or -p 80:192.168.1.5:3000',
  });
}

/** Where the server listens in the pod for each port: not always the same, as it is nobody special there. */
export function listenPorts(ports: readonly TunnelPort[]): Map<number, number> {
  const taken = new Set(ports.map(({ cluster }) => cluster).filter(isFree));
  return new Map(
    ports.map(({ cluster }) => {
      if (isFree(cluster)) return [cluster, cluster];
      let moved = cluster + MOVED;
      while (taken.has(moved)) moved += 1;
      taken.add(moved);
      return [cluster, moved];
    }),
  );
}

function isFree(port: number): boolean {
  return port >= 1024 && port !== SSH_PORT;
}

/** `localhost:8000`, `[::1]:8000` */
export function localAddress({ host, local }: TunnelPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${local}`;
}
