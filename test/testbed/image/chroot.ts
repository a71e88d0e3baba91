import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { throwIfAborted } from '../../../src/util/abort.ts';
import { runGroup } from '../../../src/util/group.ts';

/** Where Debian keeps the certificate authorities that it trusts. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/** Variables by which programs are told of the machine's authorities, proxies and indexes. */
const PASSED = /^(https?_proxy|no_proxy|PIP_(?!FIND_LINKS|REQUIRE|TARGET|PREFIX|USER).*)$/i;

/** Mounts, in a namespace of mounts that ends with the command, and then runs the words that follow. */
const SCRIPT = `set -e
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
[ -z "$3" ] || [ ! -e "$2/root${AUTHORITIES}" ] || mount --bind "$3" "$2/root${AUTHORITIES}"
mount --bind /etc/resolv.conf "$2/root/etc/resolv.conf"
root=$2/root
shift 3
exec chroot "$root" "$@"`;

/**
 * Runs a command in a root file system, which is not changed: what it writes lands in
 * `work`/upper. The machine's certificate authorities are there while it runs, and stay out of
 * what it leaves.
 */
export async function inChroot(
  rootfs: string,
  work: string,
  command: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  for (const folder of ['upper', 'work', 'root']) await mkdir(`${work}/${folder}`, { recursive: true });
  const authorities = process.env.SSL_CERT_FILE ?? AUTHORITIES;
  const found = existsSync(authorities) ? authorities : '';
  const args = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', SCRIPT, 'sh', rootfs, work, found];
  const result = await runGroup('unshare', [...args, ...command], { env: environment(), signal });
  throwIfAborted(signal);
  if (result.exitCode === 0) return;
  throw new Error(`${command.join(' ')}: ${(result.stderr || result.stdout).slice(-2_000)}`);
}

function environment(): Record<string, string | undefined> {
  const without = Object.keys(process.env).filter((name) => !PASSED.test(name));
  return {
    ...Object.fromEntries(without.map((name) => [name, undefined])),
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    PIP_CERT: AUTHORITIES,
    SSL_CERT_FILE: AUTHORITIES,
  };
}
