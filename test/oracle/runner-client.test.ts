import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteObjects } from '../../src/lake/index.ts';
import { readWhole } from '../../src/runner/artifacts/contract.ts';
import { isConditional } from '../../src/runner/artifacts/probe.ts';
import { S3Place } from '../../src/runner/artifacts/s3-place.ts';
import { exec } from '../../src/util/exec.ts';
import { eventually } from '../helpers/eventually.ts';
import { builtMinio, Minio } from '../helpers/minio.ts';
import { Rabbitmq, rabbitmqAvailable } from '../helpers/rabbitmq.ts';
import { startRunner } from '../helpers/runner.ts';
import { workspace } from '../helpers/workspace.ts';
import { pythonWith } from './python.ts';

const binary = await builtMinio();

describe.skipIf(binary === undefined || !rabbitmqAvailable())(
  'with a real MinIO (built by the testbed) and RabbitMQ',
  { timeout: 300_000 },
  () => {
    let minio: Minio;
    let broker: Rabbitmq;
    let found: { python: string } | { missing: string };
    beforeAll(async () => {
      [minio, broker] = await Promise.all([Minio.open(binary!), Rabbitmq.open()]);
      // Made once, which takes minutes.
      const given = process.env.DATAMILL_CLIENT_PYTHON;
      found = given === undefined ? await pythonWith('runner-requirements.txt') : { python: given };
    }, 1_200_000);
    afterAll(async () => {
      await minio?.close();
      await broker?.close();
    });

    it('conditions of writes hold, also for what travels in parts', async () => {
      const place = new S3Place(minio.store, 'runner', 'cond/one');
      expect(await isConditional(place)).toBe(true);
      const first = await place.write(Buffer.from('1'), { condition: { was: null } });
      const races = await Promise.allSettled(
        ['2', '3', '4'].map((text) => place.write(Buffer.from(text), { condition: { was: first } })),
      );
      expect(races.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const folder = workspace({ big: Buffer.alloc(70 * 1024 * 1024, 7) });
      const big = place.sibling('cond/big');
      await big.write(join(folder, 'big'), { condition: { was: null } });
      await expect(big.write(join(folder, 'big'), { condition: { was: null } })).rejects.toMatchObject({
        code: 'CONFLICT',
      });
      await deleteObjects(minio.store, 'runner', [big.key]);
    });

    it("StudioML's own client submits an experiment, and reads what came back", async ({ skip }) => {
      if ('missing' in found) return skip(found.missing);
      const main = `
import json, sys
print(json.dumps({'experiment': {'loss': 0.5, 'args': sys.argv[1:]}}), flush=True)
open('../retval/answer', 'w').write(' | '.join(sys.argv[1:]))
`;
      const { python } = found;
      const folder = workspace({ 'ws/main.py': main });
      const storage = {
        type: 's3',
        endpoint: minio.endpoint,
        bucket: 'client',
        credentials: { aws: minio.keys },
      };
      const config = { verbose: 'error', database: storage, storage, cloud: { queue: { rmq: broker.url } } };
      writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
      const client = async (...args: string[]) => {
        const script = join(import.meta.dirname, 'studioml_client.py');
        const { exitCode, stdout, stderr } = await exec(python, [script, ...args], {
          env: { HOME: folder, PYTHONDONTWRITEBYTECODE: '1' },
        });
        expect(exitCode, stderr.slice(-3000)).toBe(0);
        return stdout.trim().split('\n').at(-1)!;
      };
      const key = await client('submit', join(folder, 'config.json'), join(folder, 'ws'), 'rmq_client');
      const runner = startRunner([
        ...['--amqp-url', broker.url, '--amqp-mgt-url', broker.management, '--limit-tasks', '1'],
        ...['--working-dir', join(folder, 'work'), '--host-name', 'test-host'],
      ]);
      expect(await runner.ended, JSON.stringify(runner.events, null, 1)).toBe(0);

      expect(await client('result', join(folder, 'config.json'), key)).toBe("it's | two words");
      const any = new S3Place(minio.store, 'client', `experiments/${key}/_results/_results.json`);
      const results = JSON.parse((await readWhole(any, 100_000))!.body.toString());
      expect(results).toMatchObject({ exit_msg: 'ok', experiment_id: key });
      const [scrape] = await any.list('metadata/scrape-host-test-host-');
      const document = JSON.parse((await readWhole(any.sibling(scrape!), 100_000))!.body.toString());
      expect(document).toMatchObject({
        experiment: { loss: 0.5, args: ["it's", 'two words'] },
        studioml: { status: 'completed', experiment: { key, project: 'client' } },
      });
      const [request] = await any.list('metadata/request-host-');
      const stored = (await readWhole(any.sibling(request!), 100_000))!.body.toString();
      expect(stored).toContain('"filename": "main.py"');
      expect(stored).not.toContain(minio.keys.secret_access_key);
      await eventually(async () =>
        expect(await broker.api('GET', '/api/queues/%2F/rmq_client')).toMatchObject({ messages: 0 }),
      );
      expect(existsSync(join(folder, 'work/experiments'))).toBe(true);
    });
  },
);
