import { exec } from '../../../src/util/exec.ts';
import { call } from '../call.ts';

/** Chains of the kubelet, the proxy and the plugins of the network. */
const OURS = /^(KUBE|CNI)-/;
const FAMILIES = ['iptables', 'ip6tables'] as const;

/** Removes the chains that Kubernetes and the network made, and the rules that lead there; nothing else. */
export async function removeRules(): Promise<void> {
  for (const family of FAMILIES) {
    const { exitCode, stdout } = await exec(`${family}-save`, []);
    if (exitCode !== 0) continue;
    const input = removal(stdout);
    if (input !== '') await call(`${family}-restore`, ['--noflush'], { input });
  }
}

/** What to feed to `iptables-restore --noflush`, made of what `iptables-save` says: a step per table. */
export function removal(saved: string): string {
  return saved
    .split(/^(?=\*)/m)
    .filter((table) => table.startsWith('*'))
    .map(ofTable)
    .join('');
}

function ofTable(table: string): string {
  const lines = table.split('\n');
  const chains = lines.flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []).filter((name) => OURS.test(name));
  if (chains.length === 0) return '';
  const leading = lines.filter((line) => {
    const [, chain, target] = /^-A (\S+) .*-[jg] (\S+)/.exec(line) ?? [];
    return chain !== undefined && !OURS.test(chain) && OURS.test(target!);
  });
  return [
    lines[0],
    ...leading.map((line) => line.replace(/^-A/, '-D')),
    // All are emptied first: a chain that others lead to cannot be removed.
    ...chains.map((chain) => `-F ${chain}`),
    ...chains.map((chain) => `-X ${chain}`),
    'COMMIT\n',
  ].join('\n');
}

/** All rules of all tables, for a comparison: without counters, and without chains that are empty. */
export async function allRules(): Promise<string[]> {
  const rules: string[] = [];
  for (const family of FAMILIES) {
    const { exitCode, stdout } = await exec(`${family}-save`, []).catch(() => ({ exitCode: 1, stdout: '' }));
    if (exitCode !== 0) continue;
    let table = '';
    for (const line of stdout.split('\n')) {
      if (line.startsWith('*')) table = line;
      // A chain without a policy is one that somebody made.
      const own = /^:(\S+) -/.exec(line)?.[1];
      if (line.startsWith('-A') || own !== undefined) rules.push(`${family} ${table} ${own ?? line}`);
    }
  }
  return rules.sort();
}
