import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aws } from '../../../src/targets/aws.ts';
import { azure } from '../../../src/targets/azure.ts';
import type { TargetHandle } from '../../../src/targets/contract.ts';
import { gke } from '../../../src/targets/gke.ts';
import { kindPlanner } from '../../../src/targets/kind.ts';
import { microk8sPlanner } from '../../../src/targets/microk8s.ts';
import { minikubePlanner } from '../../../src/targets/minikube.ts';
import { planned } from '../../../src/targets/planned/planned.ts';
import { machine, specOf, useFakes } from '../../helpers/fakes.ts';

const fakes = useFakes();
const said: string[] = [];
const io = { progress: (message: string) => void said.push(message) };

const minikube = planned(minikubePlanner, () => machine);
const kind = planned(kindPlanner, () => machine);
const microk8s = planned(microk8sPlanner, () => machine);
const targets = [
  ['minikube', minikube, specOf('minikube', { cpus: 4, memory: 8192 }), 'default'],
  ['kind', kind, specOf('kind', { nodes: 2 }), 'default'],
  ['microk8s', microk8s, specOf('microk8s'), 'microk8s-datamill'],
  [
    'microk8s-multipass',
    microk8s,
    specOf('microk8s', { settings: { use_multipass: true }, memory: 8192 }),
    'microk8s-datamill',
  ],
  ['aws', aws, specOf('aws', { settings: { region: 'us-east-1', zones: 'us-east-1a' } }), 'aws-datamill'],
  ['gke', gke, specOf('gke', { settings: { zones: 'europe-west1-b', project: 'p' } }), 'gke-datamill'],
  ['azure', azure, specOf('azure', { settings: { region: 'westeurope' } }), 'azure-datamill'],
] as const;

describe.each(targets)('a %s cluster', { timeout: 120_000 }, (name, driver, spec, context) => {
  it('is made, stopped, started, asked and removed, its kubeconfig private', async () => {
    const transcript: string[] = [];
    const act = async (what: string, work: () => Promise<unknown>) => {
      await work();
      transcript.push(`# ${what}`, ...inOrder(await fakes.calls()), '');
    };
    await act('plan', async () => {
      const shown = await driver.plan(spec);
      expect(shown.length).toBeGreaterThan(0);
      expect(await driver.status(spec)).toBe('absent');
    });
    let handle: TargetHandle | undefined;
    await act('up', async () => {
      handle = await driver.up(spec, io);
    });
    expect(handle).toMatchObject({ driver: spec.driver, context, simulated: false });
    expect(statSync(handle!.kubeconfig).mode & 0o777).toBe(0o600);
    const text = await readFile(handle!.kubeconfig, 'utf8');
    expect(text).not.toContain('other');
    // A token that is called as the context was is not changed with it.
    expect(text).toContain('token: default');
    await act('up again', () => driver.up(spec, io));
    await act('stop', () => driver.stop(spec, io));
    expect(await driver.status(spec)).toBe('stopped');
    await expect(driver.connect(spec)).rejects.toMatchObject({ code: 'TARGET_DOWN', exitCode: 4 });
    await fakes.calls();
    await act('start', () => driver.up(spec, io));
    if (driver.abilities.images)
      await act('load an image', () => driver.loadImages(spec, [join(fakes.folder, 'image.tar')], io));
    await act('destroy', () => driver.destroy(spec, io));
    expect(await driver.status(spec)).toBe('absent');
    expect(existsSync(handle!.kubeconfig)).toBe(false);

    await expect(transcript.join('\n')).toMatchFileSnapshot(`../../golden/targets/life-${name}.txt`);
  });
});

describe('trouble with minikube', { timeout: 120_000 }, () => {
  const spec = specOf('minikube');

  it('a profile that somebody else made is left alone, but for --adopt', async () => {
    await fakes.set('minikube', { datamill: { driver: 'docker', host: 'Stopped' } });

    for (const work of [minikube.up, minikube.stop, minikube.destroy])
      await expect(work(spec, io)).rejects.toMatchObject({ code: 'FOREIGN_CLUSTER', exitCode: 3 });
    expect((await fakes.calls()).filter((call) => / (start|stop|delete)\b/.test(call))).toEqual([]);
    await minikube.up(spec, { ...io, adopt: true });
    await minikube.destroy(spec, io);
    expect(await minikube.status(spec)).toBe('absent');
  });

  it('too little memory is told in its words and refused', async () => {
    await fakes.faults({
      'minikube start': {
        exit: 23,
        stdout:
          '{"type":"io.k8s.sigs.minikube.error","data":{"exitcode":"23","name":"RSRC_INSUFFICIENT_SYS_MEMORY","message":"System only has 1024MiB available","advice":"Close some programs"}}\n',
      },
    });

    await expect(minikube.up(spec, io)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('RSRC_INSUFFICIENT_SYS_MEMORY): System only has 1024MiB'),
      hint: 'Close some programs',
    });
  });

  it('less than a node needs, and more than the machine has, is refused before it is asked', async () => {
    for (const [memory, words] of [
      [512, 'needs'],
      [1_000_000, 'this machine has 65536 MiB'],
    ] as const)
      await expect(minikube.up({ ...spec, memory }, io)).rejects.toMatchObject({
        code: 'TARGET_TOO_SMALL',
        exitCode: 3,
        message: expect.stringContaining(words),
      });
    expect((await fakes.calls()).join('\n')).not.toContain('minikube start');
  });

  it('a failure in the middle is mended by the next run', async () => {
    await fakes.faults({ 'minikube start': { exit: 80, stdout: 'boom\n' } });
    await expect(minikube.up(spec, io)).rejects.toMatchObject({
      code: 'TARGET_FAILED',
      message: expect.stringContaining('boom'),
    });
    await fakes.set('minikube', { datamill: { driver: 'docker', host: 'Stopped' } });

    await minikube.up(spec, io);

    expect(await minikube.status(spec)).toBe('running');
  });

  it('steps of slow answers are told as they come', async () => {
    said.length = 0;
    await fakes.faults({ 'minikube start': { delay: 300 } });
    await minikube.up(spec, io);

    expect(said).toContain('starting the minikube cluster datamill: [1/19] Using the docker driver');
    expect(said).toContain(
      'starting the minikube cluster datamill: fetching preloaded-images-k8s-v18-v1.35.1-docker-overlay2-amd64.tar.lz4: 50 %',
    );
  });

  it('an interrupt ends it, and the next run goes on', async () => {
    await fakes.faults({ 'minikube start': { delay: 60_000 } });
    const controller = new AbortController();
    const running = minikube.up(spec, {
      signal: controller.signal,
      progress: (message) => message.startsWith('starting') && controller.abort(),
    });
    await expect(running).rejects.toThrow();
    await fakes.faults({});
    await minikube.up(spec, io);
    expect(await minikube.status(spec)).toBe('running');
  });

  it.each([
    ['v0.28.0', 'minikube is version 0.28.0; >=1.34.0 <2 is needed'],
    ['unknown', 'minikube does not say its version'],
  ])('version %s is refused', async (version, message) => {
    process.env.FAKE_MINIKUBE_VERSION = version;
    try {
      await expect(minikube.up(spec, io)).rejects.toMatchObject({
        code: 'TARGET_TOOLS',
        exitCode: 3,
        message: expect.stringContaining(message),
        hint: expect.stringContaining('https://minikube.sigs.k8s.io'),
      });
    } finally {
      delete process.env.FAKE_MINIKUBE_VERSION;
    }
  });
});

describe('what is not installed', () => {
  it.each([
    ['minikube', minikube],
    ['kind', kind],
    ['snap', microk8s],
  ])('%s is named, with how to get it', async (program, driver) => {
    process.env.PATH = fakes.folder;
    const spec = specOf(driver.name);

    expect(await driver.status(spec)).toBe('absent');
    await expect(driver.up(spec, io)).rejects.toMatchObject({
      code: 'TARGET_TOOLS',
      exitCode: 3,
      message: `${program} is not installed`,
      hint: expect.stringContaining('install'),
    });
    expect((await driver.plan(spec)).length).toBeGreaterThan(0);
  });
});

describe('trouble with microk8s', { timeout: 120_000 }, () => {
  const spec = specOf('microk8s');

  it('an addon that says it is enabled and is not ends the run by its name', async () => {
    await fakes.set('broken-addons', { names: ['registry'] });

    await expect(microk8s.up(spec, io)).rejects.toMatchObject({
      code: 'TARGET_FAILED',
      message: expect.stringContaining('the addons registry are not enabled'),
    });
  });

  it('exit code 0 of one that does not run is no success', async () => {
    await microk8s.up(spec, io);
    await fakes.set('microk8s', { running: false, enabled: [] });
    await fakes.faults({ 'microk8s start': { exit: 0 } });

    await expect(microk8s.up(spec, io)).rejects.toMatchObject({
      message: expect.stringContaining('did not become ready in 300 s'),
    });
  });

  it.each([
    [
      'error: cannot install "microk8s": classic confinement requires snaps under /snap or symlink from /snap to /var/lib/snapd/snap',
      'sudo ln -s /var/lib/snapd/snap /snap',
    ],
    ['error while loading shared libraries: libselinux.so.1: cannot open shared object file', 'libselinux1'],
  ])('%s', async (stderr, remedy) => {
    await fakes.faults({ 'snap install': { exit: 1, stderr: `${stderr}\n` } });

    await expect(microk8s.up(spec, io)).rejects.toMatchObject({
      code: 'TARGET_REFUSED',
      exitCode: 3,
      message: expect.stringContaining(stderr),
      hint: expect.stringContaining(remedy),
    });
  });

  it('a password for sudo is asked for at a terminal only', async () => {
    process.env.FAKE_SUDO = 'ask';
    try {
      await expect(microk8s.up(spec, io)).rejects.toMatchObject({ code: 'SUDO', exitCode: 3 });
    } finally {
      delete process.env.FAKE_SUDO;
    }
    expect((await fakes.calls()).filter((call) => call.includes('snap install'))).toEqual([]);
  });
});

describe('a cloud that does not know who we are', () => {
  it('is no cloud without the cluster', async () => {
    await fakes.faults({
      'az aks show': { exit: 1, stderr: "ERROR: Please run 'az login' to setup account.\n" },
    });

    await expect(azure.status(specOf('azure'))).rejects.toMatchObject({ code: 'CLOUD_LOGIN', exitCode: 4 });
  });
});

describe('trouble with kind', () => {
  const spec = specOf('kind');

  it('what a run cut short left is removed first', async () => {
    await fakes.faults({
      'kind create cluster': { exit: 1, stderr: 'ERROR: failed to create cluster: boom\n' },
    });
    await expect(kind.up(spec, io)).rejects.toMatchObject({ message: expect.stringContaining('boom') });
    await fakes.set('docker', { 'datamill-control-plane': { cluster: 'datamill', state: 'exited' } });
    await fakes.calls();

    await kind.up(spec, io);

    const calls = (await fakes.calls()).filter((call) => call.startsWith('kind'));
    expect(calls.map((call) => call.split(' ').slice(1, 2)[0])).toEqual([
      'version',
      'delete',
      'create',
      'get',
    ]);
  });

  it('a docker that does not answer is told', async () => {
    await fakes.faults({
      'kind create cluster': {
        exit: 1,
        stderr:
          'ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n',
      },
    });

    await expect(kind.up(spec, io)).rejects.toMatchObject({ code: 'TARGET_REFUSED', exitCode: 3 });
  });
});

/** The versions of several programs are asked for side by side, so in no order of their own. */
function inOrder(calls: readonly string[]): string[] {
  const asks = (call: string | undefined) => call !== undefined && /^\S+ (version|--version)\b/.test(call);
  const ordered: string[] = [];
  for (const call of calls) {
    let place = ordered.length;
    if (asks(call)) while (asks(ordered[place - 1]) && ordered[place - 1]! > call) place -= 1;
    ordered.splice(place, 0, call);
  }
  return ordered;
}
