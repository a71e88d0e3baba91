import { describe, inject } from 'vitest';
import type { KubeObject } from '../../src/kube/types.ts';
import { ownImage } from '../../src/util/image.ts';
import { run } from '../helpers/cli.ts';
import { api, applyObjects, clusterFlags, get, kubectl } from '../helpers/cluster.ts';
import { Dialogue } from '../helpers/dialogue.ts';
import { eventually } from '../helpers/eventually.ts';
import { it as base, type Project } from '../helpers/project.ts';
import { restricted } from '../helpers/restricted.ts';
import { findImage } from '../testbed/image/blobs.ts';
import { readSpec } from '../testbed/image/spec.ts';

const { missing } = inject('testbed');
/** It is large: `npm run testbed load app` makes it. */
const { digest } = await readSpec('app');
const hasApp = (await findImage('app', digest)) !== undefined;

const podSecurity = (level: string) => ({ 'pod-security.kubernetes.io/enforce': level });

/** `it` with a namespace that takes only restricted pods, in which nothing is installed. */
const it = base.extend<{ project: Project }>({
  project: async ({ project }, use) => {
    const { namespace } = project;
    await project.flavour({ none: { objects: [] } });
    await applyObjects({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: podSecurity('restricted') },
    });
    await use(project);
  },
});

const flags = () => ['-f', 'flavour.yaml', ...clusterFlags()];

function dialogue(project: Project, ...args: string[]): Dialogue {
  const [verb = '', what = '', ...rest] = args;
  return new Dialogue([verb, what, ...flags(), ...rest], { cwd: project.folder });
}

function datamill(project: Project, what: string, args: string[], input?: string) {
  return run(['debug', what, ...flags(), ...args], { cwd: project.folder, input });
}

async function pods(project: Project): Promise<KubeObject[]> {
  const { items } = await api().get<{ items: KubeObject[] }>(`/api/v1/namespaces/${project.namespace}/pods`);
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

async function names(project: Project): Promise<string[]> {
  return (await pods(project)).map(({ metadata }) => metadata.name);
}

/** A pod of somebody's, that a container can stand beside. */
async function neighbour({ namespace }: Project): Promise<void> {
  const security = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
  await applyObjects({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'neighbour', namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 1234, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'main',
          image: 'docker.io/library/busybox:1.35.0',
          command: ['sleep', '3600'],
          env: [{ name: 'DB_PASSWORD', value: 'hunter22' }],
          resources: { requests: { cpu: '5m', memory: '8Mi' } },
          securityContext: security,
        },
      ],
    },
  });
  await kubectl('wait', '-n', namespace, 'pod/neighbour', '--for=condition=Ready', '--timeout=60s');
}

describe.skipIf(missing.length > 0)('debug, on real pods', () => {
  it.concurrent('gives a terminal in a pod, and deletes it afterwards', async ({ project, expect }) => {
    const terminal = dialogue(project, 'debug', 'net');
    await terminal.until(/debug@\S+\$ /);
    expect(await names(project)).toHaveLength(1);
    terminal.type('stty size; echo "$POD_NAMESPACE $(id -u)"\r');
    await terminal.until(/[\r\n]30 120/);
    await terminal.until(new RegExp(`${project.namespace} 1000`));
    terminal.resize(41, 99);
    await terminal.until(/\$ /);
    await eventually(async () => {
      terminal.type('stty size\r');
      await terminal.until(/[\r\n]41 99/, 2);
    });
    terminal.type('sleep 1000; echo "ended with $?"\r');
    await terminal.until(/echo "ended/);
    await eventually(async () => {
      terminal.type('\u0003');
      await terminal.until(/\^C[\s\S]*\$ /, 2);
    });
    terminal.type('exit 7\r');
    expect(await terminal.ended, terminal.screen).toBe(7);
    expect(await names(project)).toEqual([]);
  });

  it.concurrent('runs a command without a terminal, with the tools that it promises', async ({
    project,
    expect,
  }) => {
    const script = `cat
for tool in curl dig nc ping traceroute openssl jq; do command -v $tool >/dev/null || echo "no $tool"; done
ping -c 1 -W 5 127.0.0.1 >/dev/null || echo 'no answer'
dig +short kubernetes.default.svc.cluster.local
echo 'to the other side' >&2
exit 3`;
    const { code, stdout, stderr } = await datamill(project, 'net', ['--', 'sh', '-c', script], 'piped\n');
    expect(stdout).toBe('piped\n10.223.0.1\n');
    expect(stderr).toMatch(/^to the other side$/m);
    expect(code).toBe(3);
    expect(await names(project)).toEqual([]);
  });

  it.concurrent('leaves nothing behind when it is told to end', async ({ project, expect }) => {
    const [ended, closed] = [dialogue(project, 'debug', 'net'), dialogue(project, 'debug', 'net')];
    await Promise.all([ended.until(/\$ /), closed.until(/\$ /)]);
    ended.signal('SIGTERM');
    closed.close();
    expect(await ended.ended, ended.screen).toBe(143);
    await closed.ended;
    expect(await names(project)).toEqual([]);
    const early = dialogue(project, 'debug', 'net');
    await early.until(/deleted when you leave/);
    early.type('\u0003');
    expect(await early.ended, early.screen).toBe(130);
    expect(await names(project)).toEqual([]);
  });

  it.concurrent('collects what a killed one left, and nothing of others unasked', async ({
    project,
    expect,
  }) => {
    const killed = dialogue(project, 'debug', 'net');
    await killed.until(/\$ /);
    const [left] = await pods(project);
    killed.signal('SIGKILL');
    expect(await killed.ended).toBe(137);
    expect(left!.spec).toMatchObject({ activeDeadlineSeconds: 3600 });
    const { labels, annotations } = left!.metadata;
    const others = {
      ...annotations,
      'datamill.io/holder': 'alice@elsewhere/1',
      'datamill.io/process': 'x/1',
    };
    const spec = { ...left!.spec, nodeName: undefined, nodeSelector: { nowhere: 'yes' } };
    const metadata = { name: 'debug-alice', namespace: project.namespace, labels, annotations: others };
    await applyObjects({ apiVersion: 'v1', kind: 'Pod', metadata, spec });
    const collected = await datamill(project, 'gc', []);
    expect(collected.stdout).toContain(`deleted ${left!.metadata.name}`);
    expect(collected.stdout).toMatch(/Kept:[\s\S]*debug-alice\s+alice@elsewhere/);
    await eventually(async () => expect(await names(project)).toEqual(['debug-alice']));
    // Nobody is there to be asked.
    await datamill(project, 'gc', ['--all']);
    expect(await names(project)).toEqual(['debug-alice']);
    await datamill(project, 'gc', ['--all', '--yes']);
    await eventually(async () => expect(await names(project)).toEqual([]));
  });

  it.concurrent('says at once why a pod does not run', async ({ project, expect }) => {
    const image = 'registry.invalid/none:1';
    const wrong = await datamill(project, 'net', ['--image', image]);
    expect(wrong.code, wrong.stderr).toBe(1);
    expect(wrong.stderr).toContain(image);
    expect(wrong.seconds).toBeLessThan(30);
    const nowhere = await datamill(project, 'net', ['--node', 'none']);
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toMatch(/no node "none"[\s\S]*testbed/);
    expect(await names(project)).toEqual([]);
  });

  it.concurrent('says when the pod vanishes', async ({ project, expect }) => {
    const terminal = dialogue(project, 'debug', 'net', '--', 'sh', '-c', 'echo here; sleep 600');
    await terminal.until(/^here/m);
    const [name] = await names(project);
    await kubectl('delete', 'pod', '-n', project.namespace, name!, '--wait=false');
    expect(await terminal.ended, terminal.screen).toBe(1);
    expect(terminal.screen).toMatch(/was deleted while it was used/);
  });

  it.concurrent('starts nothing privileged unasked, or where the namespace forbids it', async ({
    project,
    expect,
  }) => {
    const unasked = await datamill(project, 'net', ['--privileged', '--', 'id']);
    expect(unasked.code).toBe(3);
    expect(unasked.stderr).toMatch(/--yes/);
    const forbidden = await datamill(project, 'net', ['--privileged', '--yes', '--', 'id']);
    expect(forbidden.code, forbidden.stderr).toBe(3);
    expect(forbidden.stderr).toMatch(/POD_SECURITY[\s\S]*privileged/);
    const { namespace } = project;
    await kubectl(
      'label',
      'namespace',
      namespace,
      '--overwrite',
      'pod-security.kubernetes.io/enforce=privileged',
    );
    const node = ['--privileged', '--yes', '--node', 'testbed', '--', 'id', '-u'];
    expect((await datamill(project, 'net', node)).stdout).toBe('0\n');
    expect(await names(project)).toEqual([]);
  });

  it.concurrent('stands beside a running container', async ({ project, expect }) => {
    await neighbour(project);
    const terminal = dialogue(project, 'debug', 'attach', 'neighbour', '--container', 'main');
    await terminal.until(/stays listed/);
    await terminal.until(/\$ /);
    terminal.type("tr '\\0' ' ' < /proc/1/cmdline; stty size; id -u\r");
    await terminal.until(/sleep 3600[\s\S]*30 120\s+1234/);
    terminal.type('exit 5\r');
    expect(await terminal.ended, terminal.screen).toBe(5);
    const pod = await get(project.namespace, 'pods', 'neighbour');
    expect(pod.spec.ephemeralContainers).toHaveLength(1);
    expect(pod.spec.ephemeralContainers[0]).toMatchObject({
      image: ownImage('net'),
      targetContainerName: 'main',
    });
    const piped = await datamill(
      project,
      'attach',
      ['neighbour', '--', 'sh', '-c', 'cat; exit 4'],
      'through\n',
    );
    expect(piped.stdout).toBe('through\n');
    expect(piped.code, piped.stderr).toBe(4);
    const told = dialogue(project, 'debug', 'attach', 'neighbour', '--', 'sh', '-c', 'echo on; sleep 600');
    await told.until(/^on/m);
    told.signal('SIGTERM');
    expect(await told.ended, told.screen).toBe(143);
    await eventually(async () => {
      const { status } = await get(project.namespace, 'pods', 'neighbour');
      for (const { state } of status.ephemeralContainerStatuses) expect(state).toHaveProperty('terminated');
    });
    const wrong = await datamill(project, 'attach', ['neighbour', '--container', 'none']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/containers are main/);
  });

  (hasApp ? it.concurrent : it.skip)(
    'has clients for everything in the image app',
    async ({ project, expect }) => {
      const script = `for tool in tcpdump curl wget git java pip kcat psql mysql redis-cli vim.tiny less
do command -v $tool >/dev/null || echo "no $tool"; done
python -c 'import s3fs'`;
      const { code, stdout, stderr } = await datamill(project, 'app', ['--', 'sh', '-c', script]);
      expect(stdout).toBe('');
      expect(code, stderr).toBe(0);
    },
  );

  it.concurrent('shows a pod without what is secret', async ({ project, expect }) => {
    await neighbour(project);
    const { stdout, code } = await datamill(project, 'show', ['neighbour']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/name: DB_PASSWORD\n\s+value: "\*\*\*"/);
    expect(stdout).not.toContain('hunter22');
    expect(stdout).toMatch(/containerID: containerd:/);
    const none = await datamill(project, 'show', ['nobody']);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/there are neighbour/);
  });

  it.concurrent('names each right that is missing', async ({ project, expect }) => {
    const rules = [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'create'] },
      { apiGroups: [''], resources: ['pods/exec'], verbs: ['get'] },
    ];
    const looker = await restricted(project, rules);
    const { code, stderr } = await datamill(project, 'net', [...looker, '--', 'id']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/delete pods/);
    expect(stderr).toMatch(/create pods\/exec/);
    expect(stderr).not.toMatch(/get pods\/exec/);
    expect(await names(project)).toEqual([]);
  });
});
