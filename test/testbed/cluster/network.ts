import { mkdir } from 'node:fs/promises';
import { writeAtomically } from '../../../src/util/atomic.ts';
import { exec } from '../../../src/util/exec.ts';
import { call } from '../call.ts';
import { network, state } from '../layout.ts';

export function cniConfigFolder(): string {
  return state('cni', 'net.d');
}

/** The bridge comes first: the API server is reached at its address. */
export async function makeNetwork(): Promise<void> {
  if ((await exec('ip', ['link', 'show', network.bridge])).exitCode !== 0) {
    await call('ip', ['link', 'add', network.bridge, 'type', 'bridge']);
  }
  await call('ip', ['address', 'replace', `${network.gateway}/24`, 'dev', network.bridge]);
  await call('ip', ['link', 'set', network.bridge, 'up']);
  await mkdir(cniConfigFolder(), { recursive: true });
  await writeAtomically(`${cniConfigFolder()}/10-testbed.conflist`, JSON.stringify(conflist(), null, 2));
}

function conflist(): object {
  const ipam = {
    type: 'host-local',
    dataDir: state('cni', 'networks'),
    ranges: [[{ subnet: network.pods }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  return {
    cniVersion: '0.4.0',
    name: 'datamill-testbed',
    plugins: [
      { type: 'bridge', bridge: network.bridge, isGateway: true, ipMasq: true, hairpinMode: true, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

/** Removes the bridge, and the ends of pods' interfaces that still hang on it. */
export async function removeNetwork(): Promise<void> {
  const { stdout } = await exec('ip', ['-o', 'link', 'show', 'master', network.bridge]);
  for (const [, name] of stdout.matchAll(/^\d+: (\w+)/gm)) await exec('ip', ['link', 'delete', name!]);
  await exec('ip', ['link', 'delete', network.bridge]);
}
