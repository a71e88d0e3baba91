import { type DatamillError, refusedError } from '../../errors.ts';
import type { ExecResult } from '../../util/exec.ts';

/** What is known to go wrong with snaps and MicroK8s, and the remedy. */
const TROUBLES: ReadonlyArray<{ sign: RegExp; what: string; remedy: string }> = [
  {
    sign: /classic confinement requires snaps under \/snap/i,
    what: 'this system keeps snaps elsewhere, and MicroK8s wants them under /snap',
    remedy: 'make the link: `sudo ln -s /var/lib/snapd/snap /snap`',
  },
  {
    sign: /libselinux\.so\.1/,
    what: 'MicroK8s needs libselinux.so.1, which this system lacks',
    remedy: 'install it: `sudo apt install libselinux1` (Debian, Ubuntu) or `sudo dnf install libselinux`',
  },
  {
    sign: /Insufficient permissions to access MicroK8s/i,
    what: 'your user may not use MicroK8s',
    remedy: 'join its group and log in again: `sudo usermod -a -G microk8s $USER`; or run datamill as root',
  },
  {
    sign: /cannot communicate with server|snapd\.socket/i,
    what: 'snapd does not run',
    remedy: 'start it: `sudo systemctl start snapd`; snaps do not work in most containers',
  },
  {
    sign: /launch failed|instance .* already exists/i,
    what: 'multipass cannot make the VM',
    remedy: 'see `multipass list` and `multipass info`; virtualisation has to be switched on in the firmware',
  },
];

export function explain({ stdout, stderr }: ExecResult): DatamillError | undefined {
  const said = `${stdout}\n${stderr}`;
  const trouble = TROUBLES.find(({ sign }) => sign.test(said));
  if (trouble === undefined) return undefined;
  const line = said
    .split('\n')
    .find((one) => trouble.sign.test(one))
    ?.trim();
  return refusedError('TARGET_REFUSED', `${trouble.what}\n  ${line}`, { hint: trouble.remedy });
}
