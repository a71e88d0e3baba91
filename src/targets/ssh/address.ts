import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { configError } from '../../errors.ts';
import type { Hop } from '../../ssh/index.ts';
import { resolvePath, stateFolder } from '../../util/paths.ts';
import type { TargetIO, TargetSpec } from '../contract.ts';
import { listSetting, textSetting } from '../planned/settings.ts';

const KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * The machines on the way and the one that is meant, as a target says them.
 *
 * @throws SSH_TARGET, exit code 2.
 */
export function hopsOf(spec: TargetSpec, { ask, acceptHostKey }: Partial<TargetIO>): Hop[] {
  const host = textSetting(spec, 'host');
  if (host === undefined)
    throw configError('SSH_TARGET', 'an ssh target needs a `host`', {
      hint: 'remote: { provider: ssh, host: vm.example.org, user: ubuntu }',
    });
  const user = textSetting(spec, 'user') ?? userInfo().username;
  const port = (spec.settings.port as number | undefined) ?? 22;
  const files = [
    ...[textSetting(spec, 'known_hosts')].filter((file) => file !== undefined).map(fromHome),
    join(homedir(), '.ssh', 'known_hosts'),
    '/etc/ssh/ssh_known_hosts',
    stateFolder('known_hosts'),
  ];
  const key = textSetting(spec, 'key');
  const keys =
    key === undefined
      ? KEYS.map((name) => join(homedir(), '.ssh', name)).filter((file) => existsSync(file))
      : [fromHome(key)];
  // A key that is named is the one that is meant: an agent with many keys would use up the tries.
  const agent = key === undefined ? process.env.SSH_AUTH_SOCK : undefined;
  const hop = (at: { host: string; port: number; user: string }, pinned?: string): Hop => ({
    trust: { host: at.host, port: at.port, files, pinned, accept: acceptHostKey === true, ask },
    login: { user: at.user, keys, agent: agent || undefined, ask },
  });
  return [
    ...listSetting(spec, 'jump').map((text) => hop(parse(text, user))),
    hop({ host, port, user }, textSetting(spec, 'host_key')),
  ];
}

/** `USER@HOST:PORT`; an IPv6 address stands in brackets. */
function parse(text: string, otherwise: string): { host: string; port: number; user: string } {
  const [, user, v6, name, port] =
    /^(?:([^@\s]+)@)?(?:\[([0-9a-fA-F:]+)\]|([^:@\s[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = v6 ?? name;
  if (host === undefined)
    throw configError('SSH_TARGET', `${JSON.stringify(text)} is no machine to jump over`, {
      hint: 'USER@HOST:PORT',
    });
  return { host, port: Number(port ?? 22), user: user ?? otherwise };
}

function fromHome(path: string): string {
  return resolvePath(path, process.cwd());
}
