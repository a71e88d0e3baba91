import { describe, expect, it } from 'vitest';
import { runJob } from '../../../src/node/job/spec.ts';
import { encodeEnv, v4Layout } from '../../../src/node/protocol/environment.ts';
import { pocProtocol, readCommand } from '../../../src/node/protocol/poc.ts';
import { nodeConfig, request } from '../../helpers/node.ts';

const databases = [
  { label: 'default', uri: 'claim://data/employees.csv' },
  { label: 'Output', uri: 'secret://other/rows', type: 'other' },
];

describe('a command of the first protocol', () => {
  it('is read as the original writes it', () => {
    const message = {
      run_id: 33333312,
      task_info: { arg1: '/app/input/csv/default', arg2: 'Age', arg3: 7 },
      image: 'hectorcadavid/v6_average_algorithm',
      docker_input: 'input1',
      tmp_vol_name: 'example-tmp-vol',
      token: 'example_token',
      databases_to_use: ['default'],
    };

    expect(readCommand(message)).toEqual({
      runId: 33333312,
      taskId: 33333312,
      parentId: undefined,
      image: message.image,
      args: ['/app/input/csv/default', 'Age', '7'],
      token: 'example_token',
      databases: ['default'],
    });
  });

  it.each([
    {},
    { run_id: '1/../2', image: 'a' },
    { run_id: 1.5, image: 'a' },
    { run_id: 1 },
    { run_id: 1, image: 'a', databases_to_use: 'default' },
    null,
    [],
  ])('is not %j', (message) => {
    expect(() => readCommand(message)).toThrow();
  });
});

describe('values of version 4', () => {
  it.each([
    ['abc', 'MFRGG!!!'],
    ['', ''],
    ['a', 'ME!!!!!!'],
    ['/mnt/data', 'F5WW45BPMRQXIYI!'],
    ['ü', 'YO6A!!!!'],
  ])('%j is %s', (value, encoded) => {
    expect(encodeEnv(value)).toBe(encoded);
  });

  it('cannot be hidden by the label of a database', () => {
    const layout = v4Layout(request({ taskId: 12, databases: ['Output'] }), nodeConfig({ databases }));
    const names = layout.env.map(({ name }) => name);

    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('OUTPUT_DATABASE_URI');
    expect(layout.env).toContainEqual({
      name: 'OUTPUT_FILE',
      value: encodeEnv('/mnt/data/task-000000012/result/output'),
    });
  });
});

describe('the Job of a run', () => {
  const gate = { proxyIp: '10.0.0.9', proxyPort: 8080, closed: ['8.8.8.8:443'], dnsIp: '10.0.0.10' };
  const config = nodeConfig({ databases });
  const made = (layoutOf: 'poc' | 'v4') => {
    const run = request({ runId: 7, taskId: 7, args: ['x'], token: 't', databases: ['default'] });
    const layout = layoutOf === 'poc' ? pocProtocol(config).layout(run) : v4Layout(run, config);
    return runJob({ config, request: run, image: 'avg', layout, gate });
  };

  it.each(['poc', 'v4'] as const)(
    'has no token, no way round the gate, and reads databases only: %s',
    (protocol) => {
      // biome-ignore lint/suspicious/noExplicitAny: a Job, of which the test looks at a field or two
      const pod = (made(protocol).spec as any).template.spec;

      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        restartPolicy: 'Never',
        hostAliases: [{ ip: '10.0.0.9' }],
      });
      expect(pod.initContainers.map(({ name }: { name: string }) => name)).toEqual(['gate', 'output']);
      const inputs = pod.containers[0].volumeMounts.filter(({ mountPath }: { mountPath: string }) =>
        /csv|databases/.test(mountPath),
      );
      expect(inputs.length).toBeGreaterThan(0);
      for (const mount of inputs) expect(mount.readOnly).toBe(true);
      expect(JSON.stringify(pod)).not.toContain('hostPath');
    },
  );

  it('asks for a path below the volume', () => {
    const wrong = nodeConfig({ databases: [{ label: 'a', uri: 'claim://data/../../etc' }] });
    const run = request();

    expect(() =>
      runJob({ config: wrong, request: run, image: 'avg', layout: pocProtocol(wrong).layout(run), gate }),
    ).toThrow(/leaves its volume/);
  });
});
