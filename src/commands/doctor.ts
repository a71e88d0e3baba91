import { doctor, type DoctorResult, exitCodeOfDoctor } from '../actions/doctor.ts';
import { countWords, renderGroups } from '../ui/doctor.ts';
import { toYaml } from '../ui/yaml.ts';
import { actionOptions, type CommandOptions, sameFlags } from './runtime.ts';

/** `datamill doctor` */
export async function run(options: CommandOptions): Promise<number> {
  const { io } = options;
  const result = await doctor(actionOptions(options, io.warn));
  const { missingRights, groups, ...rest } = result;
  await io.document({ ...rest, groups, missingRights }, () => text(result, options));
  return exitCodeOfDoctor(result);
}

function text(result: DoctorResult, options: CommandOptions): string {
  const { groups, missingRights } = result;
  const parts = [
    renderGroups(groups, options.io.style),
    missingRights.length === 0
      ? ''
      : `What is missing, as a Role (docs/rights.md has the whole one):\n\n${roleOf(result)}`,
    `${closing(result, sameFlags(options))}\n`,
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function closing({ reachable, result, installed, groups }: DoctorResult, flags: string): string {
  const counts = countWords(groups);
  if (!reachable)
    return `The cluster could not be asked (${counts}). Mend that, then \`datamill doctor${flags}\` says the rest.`;
  if (result === 'error')
    return `Not well: ${counts}. Mend what is marked as an error, then \`datamill doctor${flags}\` looks again.`;
  const next = installed
    ? `\`datamill status${flags}\` shows how the components are.`
    : `\`datamill up${flags}\` installs the flavour.`;
  return result === 'warning' ? `Nothing stands in the way (${counts}). ${next}` : `All is well. ${next}`;
}

/** Rules that grant what is missing; of a namespace they make a Role, the others a ClusterRole. */
function roleOf({ missingRights }: DoctorResult): string {
  const places = [...new Set(missingRights.map(({ namespace }) => namespace))];
  const roles = places.map((namespace) => {
    const here = missingRights.filter((right) => right.namespace === namespace);
    const keys = [...new Set(here.map(({ group, resource }) => `${group}|${resource}`))];
    return {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: namespace === undefined ? 'ClusterRole' : 'Role',
      metadata: { name: 'data-mill-missing', ...(namespace === undefined ? {} : { namespace }) },
      rules: keys.map((key) => {
        const [group = '', resource = ''] = key.split('|');
        const verbs = here
          .filter((one) => one.group === group && one.resource === resource)
          .map(({ verb }) => verb);
        return { apiGroups: [group], resources: [resource], verbs };
      }),
    };
  });
  return roles.map((role) => toYaml(role)).join('---\n');
}
