import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { awsPlanner } from '../../../src/targets/aws.ts';
import { microk8sPlanner } from '../../../src/targets/microk8s.ts';
import { argvOf } from '../../../src/targets/planned/place.ts';
import { resolve } from '../../../src/resolve/resolve.ts';
import { targetSpec } from '../../../src/actions/session.ts';
import { packageRoot } from '../../../src/util/paths.ts';
import { machine } from '../../helpers/fakes.ts';

const flavours = join(packageRoot, 'test/fixtures/original/flavours');

function specOf(flavour: string, section: 'local' | 'remote') {
  const resolved = resolve({ flavours: [join(flavours, flavour)], section, requireTarget: true });
  return targetSpec(resolved.target!, resolved);
}

describe('flavour files of the original plan what it did, in the tools of today:', () => {
  it('microk8s on the machine itself, with GPUs', () => {
    const spec = specOf('datalake_flavour.yaml', 'local');
    const request = { spec, machine, kubeconfig: 'k' };
    microk8sPlanner.refuse!(request);
    const commands = microk8sPlanner.create(request).map((step) => argvOf(step).join(' '));

    expect(spec).toMatchObject({
      driver: 'microk8s',
      cpus: 8,
      memory: 16288,
      storage: '60G',
      gpuSupport: true,
    });
    expect(commands[0]).toBe('sudo snap install microk8s --classic --channel=1.35/stable');
    for (const addon of ['dns', 'rbac', 'hostpath-storage', 'registry'])
      expect(commands).toContain(`sudo microk8s enable ${addon}`);
    expect(commands.join()).not.toContain('multipass');
  });

  it('a cluster on AWS, with the same name, region, zone and nodes', () => {
    const spec = specOf('default.yaml', 'remote');
    const [create] = awsPlanner.create({ spec, machine, kubeconfig: 'k' });

    expect(argvOf(create!).join(' ')).toBe('eksctl create cluster -f - --kubeconfig k');
    expect(create!.input).toMatch(/name: data-mill\n +region: us-east1/);
    expect(create!.input).toMatch(/instanceType: t2.medium\n +desiredCapacity: 2/);
    expect(create!.input).toMatch(/availabilityZones:\n +- us-east1a/);
  });
});
