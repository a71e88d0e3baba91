import type { Api } from '../../../src/kube/client.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { watch } from '../../../src/kube/watch.ts';
import { pause } from '../../../src/util/abort.ts';
import { exec } from '../../../src/util/exec.ts';
import { type Rules, rulesOf } from './rules.ts';

/** All that it touches begins with this, but for one rule at the top of FORWARD and INPUT each. */
const PREFIX = 'DMNP';
const CHAINS = [PREFIX, `${PREFIX}-EGRESS`, `${PREFIX}-INGRESS`] as const;
const HOOKS = ['FORWARD', 'INPUT'] as const;

const SETS: Record<keyof Rules, string> = {
  egress: 'hash:ip',
  ingress: 'hash:ip',
  egressPorts: 'hash:ip,port,ip',
  ingressPorts: 'hash:ip,port,ip',
  egressAll: 'hash:net,net',
  ingressAll: 'hash:net,net',
};

export interface EnforcerOptions {
  api: Api;
  /** Only pods of these are held. */
  namespaces: readonly string[];
  /** Namespaces whose pods may be peers, beside them. */
  peers?: readonly string[];
  /** Milliseconds from a change until it holds, as real ones take. */
  delay?: number;
}

/**
 * A small policy engine for the testbed: iptables and ipset, fed by watches. Where a real cluster's
 * network enforces NetworkPolicies by itself, the testbed's bridge does not.
 *
 * @returns how to end it; everything of it is gone then.
 */
export async function enforce(options: EnforcerOptions): Promise<() => Promise<void>> {
  const { api, namespaces, peers = [], delay = 0 } = options;
  await clear();
  await setUp();
  const over = new AbortController();
  const { signal } = over;
  const pods = new Map<string, KubeObject>();
  const policies = new Map<string, KubeObject>();
  let applying = Promise.resolve();
  let failure: unknown;
  const changed = () => {
    applying = applying.then(async () => {
      try {
        if (delay > 0) await pause(delay, signal);
        if (!signal.aborted) await apply(rulesOf([...policies.values()], [...pods.values()], labelsOf(all)));
      } catch (error) {
        if (!signal.aborted) failure = error;
      }
    });
  };
  const all = [...new Set([...namespaces, ...peers])];
  const watches = all.flatMap((namespace) => [
    keep(api, { apiVersion: 'v1', kind: 'Pod', namespace }, pods, changed, signal),
    ...(namespaces.includes(namespace)
      ? [
          keep(
            api,
            { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace },
            policies,
            changed,
            signal,
          ),
        ]
      : []),
  ]);
  return async () => {
    over.abort();
    await Promise.all(watches);
    await applying;
    await clear();
    if (failure !== undefined) throw failure;
  };
}

/** The label that every namespace has. */
function labelsOf(namespaces: readonly string[]): Map<string, Record<string, string>> {
  return new Map(namespaces.map((name) => [name, { 'kubernetes.io/metadata.name': name }]));
}

async function keep(
  api: Api,
  ref: { apiVersion: string; kind: string; namespace: string },
  into: Map<string, KubeObject>,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const key = ({ metadata }: KubeObject) => `${ref.namespace}/${metadata.name}`;
  await watch(
    api,
    ref,
    {
      onList: (objects) => {
        for (const name of into.keys()) if (name.startsWith(`${ref.namespace}/`)) into.delete(name);
        for (const object of objects) into.set(key(object), object);
        changed();
      },
      onChange: (object) => {
        into.set(key(object), object);
        changed();
      },
      onDelete: (object) => {
        into.delete(key(object));
        changed();
      },
    },
    signal,
  );
}

async function call(file: string, args: readonly string[], input?: string): Promise<void> {
  const { exitCode, stderr } = await exec(file, args, { input });
  if (exitCode !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
}

const iptables = (...args: string[]) => call('iptables', ['-w', ...args]);
const setName = (name: string) => `${PREFIX}-${name}`;

async function setUp(): Promise<void> {
  const create = Object.entries(SETS).map(([name, type]) => `create ${setName(name)} ${type}`);
  await call('ipset', ['restore'], `${create.join('\n')}\n`);
  for (const chain of CHAINS) await iptables('-N', chain);
  const matches = (name: string, how: string) => ['-m', 'set', '--match-set', setName(name), how];
  await iptables('-A', PREFIX, '-m', 'conntrack', '--ctstate', 'ESTABLISHED,RELATED', '-j', 'RETURN');
  for (const [direction, side] of [
    ['egress', 'src'],
    ['ingress', 'dst'],
  ] as const) {
    const chain = `${PREFIX}-${direction.toUpperCase()}`;
    await iptables('-A', PREFIX, ...matches(direction, side), '-j', chain);
    await iptables('-A', chain, ...matches(`${direction}Ports`, 'src,dst,dst'), '-j', 'RETURN');
    await iptables('-A', chain, ...matches(`${direction}All`, 'src,dst'), '-j', 'RETURN');
    await iptables('-A', chain, '-j', 'DROP');
  }
  for (const hook of HOOKS) await iptables('-I', hook, '1', '-j', PREFIX);
}

/** Each set is filled beside the one that is used, and takes its place in one step. */
async function apply(rules: Rules): Promise<void> {
  const lines = (Object.keys(SETS) as Array<keyof Rules>).flatMap((name) => {
    const next = `${setName(name)}-n`;
    const entries = [...rules[name]].map((entry) => `add ${next} ${entry} -exist`);
    return [`create ${next} ${SETS[name]}`, ...entries, `swap ${next} ${setName(name)}`, `destroy ${next}`];
  });
  await call('ipset', ['restore'], `${lines.join('\n')}\n`);
}

/** Takes away what it, or one that was killed, has made; what is not there is no fault. */
async function clear(): Promise<void> {
  const quietly = (file: string, ...args: string[]) => exec(file, args).catch(() => undefined);
  for (const hook of HOOKS) await quietly('iptables', '-w', '-D', hook, '-j', PREFIX);
  for (const chain of CHAINS) await quietly('iptables', '-w', '-F', chain);
  for (const chain of CHAINS) await quietly('iptables', '-w', '-X', chain);
  for (const name of Object.keys(SETS)) {
    await quietly('ipset', 'destroy', setName(name));
    await quietly('ipset', 'destroy', `${setName(name)}-n`);
  }
}
