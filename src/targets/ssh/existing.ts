import { refusedError } from '../../errors.ts';
import { shellQuote } from '../../util/shell.ts';
import type { TargetSpec } from '../contract.ts';
import type { Planner } from '../planned/planner.ts';
import { textSetting } from '../planned/settings.ts';

/** Where clusters leave their kubeconfig, beside the user's own. */
const USUAL = ['"$HOME/.kube/config"', '/etc/rancher/k3s/k3s.yaml', '/etc/kubernetes/admin.conf'];

/** A cluster that runs on the machine already: it is used, never started, stopped or removed. */
export const existing: Planner = {
  name: 'ssh',
  abilities: { stop: false, nodes: false, sizes: false, images: false, billed: false, tried: 'cluster' },
  others: true,
  programs: () => [],
  look: ({ spec }) => [{ about: 'looking for a kubeconfig', command: ['sh', '-c', script(spec, 'test -r')] }],
  read: ([found]) => (found!.exitCode === 0 ? 'running' : 'absent'),
  create: ({ spec }) => {
    const where = textSetting(spec, 'kubeconfig') ?? '~/.kube/config and the usual places';
    throw refusedError(
      'NO_CLUSTER',
      `there is no cluster on ${spec.settings.host}: no kubeconfig can be read at ${where}`,
      {
        hint: 'say `install: k3s` (or microk8s) to have one installed, or where its `kubeconfig` is',
      },
    );
  },
  start: () => [],
  stop: () => [],
  destroy: () => [],
  kubeconfig: ({ spec }) => ({
    about: 'reading the kubeconfig',
    command: ['sh', '-c', script(spec, 'cat')],
    prints: true,
  }),
  loadImage: () => {
    throw refusedError(
      'NO_IMAGE_LOADING',
      'images cannot be handed to a cluster that is not ours from files',
      {
        hint: 'push them to a registry that it can reach',
      },
    );
  },
};

/** The file comes as an argument of its own, so that nothing in its name is a command. */
function script(spec: TargetSpec, verb: string): string {
  const named = textSetting(spec, 'kubeconfig');
  const quoted =
    named === undefined
      ? USUAL
      : [named.startsWith('~/') ? `"$HOME"/${shellQuote(named.slice(2))}` : shellQuote(named)];
  return `for file in ${quoted.join(' ')}; do if test -r "$file"; then ${verb} "$file"; exit $?; fi; done; exit 1`;
}
