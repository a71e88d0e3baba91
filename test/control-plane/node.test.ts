import { afterEach, beforeEach, describe } from 'vitest';
import { list } from '../../src/kube/objects.ts';
import { run } from '../helpers/cli.ts';
import { api, get, kubectl } from '../helpers/cluster.ts';
import { eventually } from '../helpers/eventually.ts';
import type { Running } from '../helpers/process.ts';
import { it, type Project } from '../helpers/project.ts';
import { nodeFlags, type Playground, playground, startNode, writeNode } from '../helpers/running-node.ts';

/** As the original's example has it. */
const REQUEST = {
  run_id: 33333312,
  task_info: { arg1: '/app/input/csv/default', arg2: 'Age', arg3: '/app/output/avg.txt' },
  image: 'hectorcadavid/v6_average_algorithm',
  docker_input: 'input1',
  tmp_vol_name: 'example-tmp-vol',
  token: 'example_token',
  databases_to_use: ['default', 'nowhere'],
};

let ground: Playground;
const nodes: Running[] = [];

beforeEach(async () => {
  ground = await playground();
});

afterEach(async () => {
  for (const node of nodes.splice(0)) {
    node.kill('SIGTERM');
    await node.ended;
  }
  await ground.close();
});

async function started(project: Project, more: Parameters<typeof writeNode>[2] = {}) {
  const config = await writeNode(project, ground.server.port, more);
  const node = await startNode(config);
  nodes.push(node);
  return { config, node };
}

async function jobs({ namespace }: Project) {
  return await list(api(), { apiVersion: 'batch/v1', kind: 'Job', namespace });
}

const simulate = (failure: string) => ({ annotations: { 'datamill.io/simulate': failure } });

describe('a node that speaks as the first one on Kubernetes', () => {
  it("runs the original's request as a Job", async ({ project, expect }) => {
    const databases = [{ label: 'default', uri: 'configmap://data/employees.csv' }];
    const { node } = await started(project, { databases });
    expect(await ground.send(REQUEST)).toBe(1);
    expect((await ground.resultOf(33333312)).status).toBe('completed');
    await eventually(async () =>
      expect(ground.statusesOf(33333312)).toEqual(['initializing', 'active', 'completed']),
    );
    const job = await get(project.namespace, 'jobs', '33333312');
    const { spec, metadata } = job.spec.template;
    expect(metadata.labels.app).toBe('33333312');
    expect(spec.containers).toHaveLength(1);
    expect(spec.containers[0]).toMatchObject({
      name: '33333312',
      image: 'hectorcadavid/v6_average_algorithm',
      command: ['python', 'app.py'],
      args: ['/app/input/csv/default', 'Age', '/app/output/avg.txt'],
    });
    const mounts = Object.fromEntries(
      spec.containers[0].volumeMounts.map((one: { mountPath: string }) => [one.mountPath, one]),
    );
    expect(mounts['/app/input/csv/default']).toMatchObject({ readOnly: true, subPath: 'employees.csv' });
    expect(Object.keys(mounts).sort()).toEqual(['/app/input/csv/default', '/app/output', '/app/tmp', '/tmp']);
    // The token reaches the algorithm only where that is asked for.
    expect(JSON.stringify(job)).not.toContain('example_token');
    expect(node.events.find(({ type }) => type === 'warning')?.message).toMatch(/"nowhere"/);
    const [policy] = await list(api(), {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      namespace: project.namespace,
    }).then((all) => all.filter(({ metadata: { name } }) => name === '33333312'));
    expect(policy?.spec).toMatchObject({ policyTypes: ['Egress'], egress: [{ ports: [{ port: 8080 }] }] });
  });

  it('runs nothing where nothing holds algorithms, unless told in so many words', async ({
    project,
    expect,
  }) => {
    const config = await writeNode(project, ground.server.port, { isolation: { gate_seconds: 5 } });
    const { namespace } = project;
    const none = await run(['node', 'start', ...nodeFlags(config)]);
    expect([none.code, none.stderr]).toEqual([3, expect.stringMatching(/NODE_PROXY/)]);
    await kubectl('create', 'service', 'clusterip', 'v6proxy', '--tcp=8080', '-n', namespace);
    const simulated = await run(['node', 'start', ...nodeFlags(config)]);
    expect([simulated.code, simulated.stderr]).toEqual([3, expect.stringMatching(/NODE_NOT_ISOLATED/)]);
    expect(simulated.stderr).toMatch(/algorithms may reach the network/);
    const doctor = await run(['node', 'doctor', '--output', 'json', ...nodeFlags(config)]);
    expect(doctor.code).toBe(1);
    expect(doctor.json.findings).toMatchObject([
      { name: 'rights', result: 'passed' },
      { name: 'claims', result: 'passed' },
      { name: 'proxy', result: 'passed' },
      { name: 'isolation', result: 'failed' },
    ]);
    expect(await jobs(project)).toEqual([]);
  });

  it('starts no Job twice, and one that ended not again', async ({ project, expect }) => {
    const { node } = await started(project);
    await Promise.all([ground.send(REQUEST), ground.send(REQUEST)]);
    await ground.resultOf(33333312);
    await ground.send(REQUEST);
    node.kill('SIGKILL');
    await node.ended;
    nodes.splice(0);
    await started(project);
    await ground.send(REQUEST);
    await ground.send({ ...REQUEST, run_id: 2 });
    await ground.resultOf(2);
    expect((await jobs(project)).map(({ metadata }) => metadata.name).sort()).toEqual(['2', '33333312']);
    expect(ground.results.filter(({ run_id }) => run_id === 33333312)).toHaveLength(1);
  });

  it('tells an image that is not there, and a container that cannot be made', async ({ project, expect }) => {
    await started(project, { jobs: { ...simulate('image-pull-error'), pull_seconds: 1 } });
    await ground.send(REQUEST);
    const { status, log } = await ground.resultOf(33333312);
    expect(status).toBe('non-existing Docker image');
    expect(log).toMatch(/not found/);
    // Its Job does not go on trying.
    await eventually(async () => {
      const job = await get(project.namespace, 'jobs', '33333312');
      expect(job.status.conditions).toContainEqual(expect.objectContaining({ type: 'Failed' }));
    });
  });

  it('refuses what the policies do not allow', async ({ project, expect }) => {
    await started(project, { policies: { allowed_algorithms: ['docker.io/me/avg'] } });
    await ground.send(REQUEST);
    expect((await ground.resultOf(33333312)).status).toBe('not allowed');
    expect(await jobs(project)).toEqual([]);
  });

  it('leaves out what is no command', async ({ project, expect }) => {
    const { node } = await started(project);
    for (const bad of [{}, { run_id: 'x', image: 'a' }, { run_id: -1, image: 'a' }, { run_id: 1, image: 7 }])
      await ground.send(bad);
    await ground.send({ run_id: 5, image: '../a' });
    expect((await ground.resultOf(5)).status).toBe('not allowed');
    await eventually(async () =>
      expect(node.events.filter(({ type }) => type === 'warning')).toHaveLength(4),
    );
  });
});

describe('kill and clean', () => {
  it('ends one, and all, from the server and from the command line', async ({ project, expect }) => {
    const { config } = await started(project, { jobs: simulate('not-ready') });
    for (const id of [1, 2, 3]) await ground.send({ ...REQUEST, run_id: id });
    await eventually(async () =>
      expect(ground.statuses.filter(({ status }) => status === 'active')).toHaveLength(3),
    );
    ground.client.emit('kill_containers', { kill_list: [{ run_id: 1 }, { run_id: 99 }] });
    expect((await ground.resultOf(1)).status).toBe('killed by user');
    const one = await run(['node', 'kill', '2', '--output', 'json', ...nodeFlags(config)]);
    expect([one.code, one.json.killed]).toEqual([0, [2]]);
    expect((await ground.resultOf(2)).status).toBe('killed by user');
    const wrong = await run(['node', 'kill', '77', ...nodeFlags(config)]);
    expect(wrong.code).toBe(1);
    await run(['node', 'kill', '--all', ...nodeFlags(config)]);
    expect((await ground.resultOf(3)).status).toBe('killed by user');
    const status = await run(['node', 'status', '--output', 'json', ...nodeFlags(config)]);
    expect(status.json.runs.map((one: { status: string }) => one.status)).toEqual(
      Array(3).fill('killed by user'),
    );
    await eventually(async () => {
      const gone = await run(['node', 'gc', '--ended', ...nodeFlags(config)]);
      expect(gone.code).toBe(0);
      expect(await jobs(project)).toEqual([]);
      for (const [apiVersion, kind] of [
        ['v1', 'Pod'],
        ['v1', 'Secret'],
      ] as const)
        expect(await list(api(), { apiVersion, kind, namespace: project.namespace })).toEqual([]);
    });
    expect(ground.results.map(({ run_id }) => run_id).sort()).toEqual([1, 2, 3]);
  });

  it('lets what runs go on when the node is rolled, and takes it up again', async ({ project, expect }) => {
    const { config, node } = await started(project, { jobs: simulate('not-ready') });
    for (const id of [1, 2, 3]) await ground.send({ ...REQUEST, run_id: id });
    await eventually(async () =>
      expect(ground.statuses.filter(({ status }) => status === 'active')).toHaveLength(3),
    );
    const pods = async () =>
      (await list(api(), { apiVersion: 'v1', kind: 'Pod', namespace: project.namespace }))
        .map(({ metadata }) => metadata.uid)
        .sort();
    const before = await pods();
    node.kill('SIGTERM');
    expect(await node.ended).toBe(0);
    nodes.splice(0);
    expect(await pods()).toEqual(before);
    // Killed while nobody listens: the next one tells it.
    await run(['node', 'kill', '2', ...nodeFlags(config)]);
    nodes.push(await startNode(config));
    expect((await ground.resultOf(2)).status).toBe('killed by user');
    expect(ground.statusesOf(1)).toEqual(['initializing', 'active']);
    expect(ground.statusesOf(2)).toEqual(['initializing', 'active', 'killed by user']);
  });
});

describe('many at once', () => {
  it('loses none and tells none twice, though the node is killed again and again', async ({
    project,
    expect,
  }) => {
    const config = await writeNode(project, ground.server.port);
    let node = await startNode(config);
    const ids = Array.from({ length: 50 }, (_, index) => index + 1);
    for (const id of ids) await ground.send({ ...REQUEST, run_id: id });
    for (let turn = 0; turn < 3; turn++) {
      await eventually(async () =>
        expect(ground.results.length).toBeGreaterThanOrEqual(Math.min(50, 5 + turn * 12)),
      );
      node.kill('SIGKILL');
      await node.ended;
      node = await startNode(config);
      // What was said while nobody listened is said again, as a server does after `sync`.
      for (const id of ids) await ground.send({ ...REQUEST, run_id: id });
    }
    nodes.push(node);
    await eventually(async () => expect(ground.results).toHaveLength(50), 150);
    expect(new Set(ground.results.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(new Set(ground.results.map(({ run_id }) => run_id)).size).toBe(50);
    expect(await jobs(project)).toHaveLength(50);
  });
});
