import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { examineNodes, examineServer, examineSkew } from '../../../src/doctor/cluster.ts';
import { greet } from '../../../src/doctor/server.ts';
import { claimsIn } from '../../../src/doctor/storage.ts';
import { examineStorage } from '../../../src/doctor/volumes.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { claim, node, storageClass } from '../kube/diagnose/cluster.ts';

const states = (found: Array<{ state: string }>) => found.map(({ state }) => state);

describe('an API server', () => {
  const servers: http.Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  /** A server whose clock is that many seconds ahead. */
  async function serving(seconds: number, status = 401): Promise<string> {
    const server = http.createServer((_, response) => {
      response.writeHead(status, { date: new Date(Date.now() + seconds * 1000).toUTCString() });
      response.end('{}');
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each([
    [0, 'ok', 'the clocks of the API server and of this machine agree'],
    [90, 'warning', /^the clock of the API server is (89|90|91) s ahead of/],
    [-900, 'error', /^the clock of the API server is (899|900|901) s behind/],
  ])('whose clock is %i s ahead is told of, whether it lets us in or not', async (seconds, state, what) => {
    const server = await serving(seconds);
    const found = examineServer(server, 'v1.35.4', await greet(server));
    expect(found[0]!.what).toMatch(/^answers in .* ms: Kubernetes v1.35.4/);
    expect(found[1]).toMatchObject({
      state,
      what: typeof what === 'string' ? what : expect.stringMatching(what),
    });
  });

  it('that nothing leads to leaves the rest unknown', async () => {
    const server = await serving(0);
    await new Promise((resolve) => servers.splice(0)[0]!.close(resolve));
    expect(await greet(server)).toBeUndefined();
    expect(states(examineServer(server, 'v1.35.4', undefined))).toEqual(['ok', 'unknown']);
  });

  it('is slow, or its certificate ends', () => {
    const until = Date.now() + 1000 * 60 * 60 * 24 * 5;
    const found = examineServer('https://k', 'v1.35.4', { latency: 900, certificate: { from: 0, until } });
    expect(states(found)).toEqual(['warning', 'warning']);
    expect(found[1]!.what).toMatch(/^the certificate of the API server expires soon: in [45] days/);
  });
});

describe('programs and versions', () => {
  it.each([
    ['helm', 'v1.37', 'v1.37.0', 3, 0, 'ok'],
    ['helm', 'v1.37', 'v1.34.1+k3s1', 3, 0, 'ok'],
    ['helm', 'v1.37', 'v1.33.9', 3, 0, 'warning'],
    ['helm', 'v1.37', 'v1.38.0', 3, 0, 'warning'],
    ['kubectl', '1.35.4', 'v1.36.0', 1, 1, 'ok'],
    ['kubectl', '1.35.4', 'v1.37.0', 1, 1, 'warning'],
  ])('%s made for %s on %s', (name, client, server, older, newer, state) => {
    expect(examineSkew(name, client, server, older, newer)).toMatchObject({ state });
  });

  it('say nothing when a version is not known', () => {
    expect(examineSkew('helm', '', 'v1.35.4', 3, 0)).toBeUndefined();
  });
});

describe('nodes', () => {
  const withReady = (name: string, status: string, spec = {}): KubeObject => {
    const made = node(name, { spec });
    return { ...made, status: { ...made.status, conditions: [{ type: 'Ready', status }] } };
  };

  it('are well when all are ready', () => {
    expect(examineNodes([withReady('a', 'True')])).toEqual([{ state: 'ok', what: '1 node is ready' }]);
    expect(states(examineNodes(undefined))).toEqual(['unknown']);
  });

  it('are named when they are lost, cordoned or under pressure', () => {
    const pressed = withReady('c', 'True');
    (pressed.status!.conditions as object[]).push({
      type: 'DiskPressure',
      status: 'True',
      message: 'disk is full',
    });
    const found = examineNodes([
      withReady('a', 'Unknown'),
      withReady('b', 'True', { unschedulable: true }),
      pressed,
    ]);
    expect(found.map(({ what }) => what)).toEqual([
      'not ready: a',
      'cordoned, and so closed to new pods: b',
      'node c says DiskPressure: disk is full',
    ]);
    expect(states(examineNodes([withReady('a', 'False')]))).toEqual(['error']);
    expect(states(examineNodes([]))).toEqual(['error']);
  });
});

describe('claims of a flavour', () => {
  const set: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: { volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { storageClassName: 'fast' } }] },
  };
  const wanted = claimsIn([
    set,
    claim('free', {}),
    claim('named', { storageClassName: 'slow', volumeName: 'pv-1' }),
  ]).map((one) => ({ ...one, component: 'x' }));
  const standard = storageClass('standard', {}, { 'storageclass.kubernetes.io/is-default-class': 'true' });

  it('are those of manifests and of StatefulSets', () => {
    expect(wanted).toEqual([
      { name: 'data-db', storageClass: 'fast', component: 'x' },
      { name: 'free', storageClass: undefined, component: 'x' },
      { name: 'named', storageClass: '', component: 'x' },
    ]);
  });

  it('find their class, or are told which there are', () => {
    expect(states(examineStorage(wanted, [standard, storageClass('fast')], []))).toEqual(['ok']);
    expect(examineStorage(wanted, [standard], ['fast'])).toMatchObject([
      {
        state: 'error',
        what: 'x: the claim data-db names the storage class "fast", which does not exist; there is: standard',
      },
    ]);
    expect(examineStorage(wanted, [storageClass('fast')], [])).toMatchObject([
      {
        state: 'error',
        what: expect.stringContaining('the claim free names no storage class'),
        remedy: expect.stringContaining('kubectl annotate storageclass fast'),
      },
    ]);
    expect(
      states(
        examineStorage(
          [],
          [standard, { ...standard, metadata: { ...standard.metadata, name: 'other' } }],
          [],
        ),
      ),
    ).toEqual(['warning']);
    expect(states(examineStorage(wanted, undefined, []))).toEqual(['unknown']);
  });
});
