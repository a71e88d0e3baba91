import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian packages, and a program of each by which its presence is known. */
const packages: Record<string, string> = {
  containerd: 'containerd',
  runc: 'runc',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  iptables: 'iptables-save',
  ipset: 'ipset',
  conntrack: 'conntrack',
  iproute2: 'ip',
  debootstrap: 'debootstrap',
  openssl: 'openssl',
  kmod: 'modprobe',
  procps: 'sysctl',
  'openssh-server': '/usr/sbin/sshd',
};

/** Programs that a Debian machine has, or that somebody has to bring. */
const commands = ['apt-get', 'dpkg', 'tar', 'unshare', 'mount', 'chroot', 'go'];

/** Folders that root's PATH has and a user's may lack. */
const SYSTEM = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** What this machine lacks to run the testbed, each in words; empty when it can. */
export function missingForTestbed(): string[] {
  const missing: string[] = [];
  if (process.platform !== 'linux') return ['Linux'];
  if (process.getuid?.() !== 0) missing.push('root');
  if (!isDebian()) missing.push('Debian');
  missing.push(...missingControllers().map((name) => `the cgroup controller ${name}`));
  if (!/\boverlay$/m.test(read('/proc/filesystems'))) missing.push('the file system overlay');
  missing.push(...commands.filter((name) => !has(name)).map((name) => `the command ${name}`));
  // Nobody's machine gets packages because its tests run; CI's does.
  if (process.env.CI !== 'true') {
    missing.push(...missingPackages().map((name) => `the Debian package ${name} (npm run testbed up)`));
  }
  return missing;
}

export function missingPackages(): string[] {
  return Object.entries(packages).flatMap(([name, program]) => (has(program) ? [] : [name]));
}

function isDebian(): boolean {
  return /^ID(_LIKE)?=.*\bdebian\b/m.test(read('/etc/os-release'));
}

/** Version 1 mounts a folder per controller, version 2 lists them in one file. */
function missingControllers(): string[] {
  const unified = read('/sys/fs/cgroup/cgroup.controllers').split(/\s+/);
  const mounted = read('/proc/mounts')
    .split('\n')
    .filter((line) => line.split(' ')[2] === 'cgroup')
    .flatMap((line) => line.split(' ')[3]?.split(',') ?? []);
  return ['cpu', 'memory', 'pids'].filter((name) => !unified.includes(name) && !mounted.includes(name));
}

function has(program: string): boolean {
  if (program.startsWith('/')) return existsSync(program);
  return [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
