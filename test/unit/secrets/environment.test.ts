import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { environmentOf } from '../../../src/actions/secrets-env.ts';
import type { Session } from '../../../src/actions/session.ts';
import { TinyApi } from '../../helpers/tiny-api.ts';
import { inline, resolveFiles } from '../../helpers/workspace.ts';

let tiny: TinyApi;
beforeEach(async () => {
  tiny = await TinyApi.open();
});
afterEach(() => tiny.close());

function secret(namespace: string, name: string, values: Record<string, string>): void {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  tiny.put(`/api/v1/namespaces/${namespace}/secrets/${name}`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    data,
  });
}

/** The environment of a flavour called `shop` in the namespace `home`. */
function environment(components: Record<string, string>, rest = '', only?: string) {
  const project = 'project: { name: shop, k8s_namespace: home }\n';
  const resolved = resolveFiles(inline(components, project + rest));
  const identity = { project: 'shop', namespace: 'home' };
  return environmentOf({ api: tiny.api, identity, resolved } as unknown as Session, only);
}

const db = `provides: { postgres: { host: db.home.svc, port: 5432, database: d, secret: { name: db, user: u, password: p } } }`;
const queue = `provides: { amqp: { host: mq.home.svc, port: 5672, vhost: "/", secret: { name: mq, user: u, password: p } } }`;
const store = (name: string, more = '') =>
  `provides: { s3: { endpoint: "http://${name}.home.svc:9000", host: ${name}, port: 9000, region: eu, secret: { name: ${name}, accessKey: a, secretKey: s } } }${more}`;

describe('the environment of a flavour', () => {
  it('has what the programs of each service expect', async () => {
    secret('home', 'db', { u: 'ann', p: "it's" });
    secret('home', 'mq', { u: 'bob', p: 'a/b@c' });
    secret('home', 'one', { a: 'key', s: 'word' });

    expect(await environment({ db, queue, store: store('one') })).toEqual({
      variables: {
        PGHOST: 'db.home.svc',
        PGPORT: '5432',
        PGDATABASE: 'd',
        PGUSER: 'ann',
        PGPASSWORD: "it's",
        AMQP_URL: 'amqp://bob:a%2Fb%40c@mq.home.svc:5672/%2F',
        AWS_ACCESS_KEY_ID: 'key',
        AWS_SECRET_ACCESS_KEY: 'word',
        AWS_ENDPOINT_URL_S3: 'http://one.home.svc:9000',
        AWS_DEFAULT_REGION: 'eu',
        MLFLOW_S3_ENDPOINT_URL: 'http://one.home.svc:9000',
      },
      mc: { alias: 'shop', endpoint: 'http://one.home.svc:9000' },
      inside: [{ component: 'store', address: 'http://one.home.svc:9000' }],
      missing: [],
    });
  });

  it('is that of the chosen provider, then of the default one', async () => {
    secret('home', 'one', { a: 'first', s: 'x' });
    secret('home', 'two', { a: 'second', s: 'x' });
    const both = { a: store('one'), b: store('two', ', default: true') };

    expect((await environment(both)).variables.AWS_ACCESS_KEY_ID).toBe('second');
    const resolved = inline(both, 'project: { k8s_namespace: home, providers: { s3: a } }\n');
    const identity = { project: 'shop', namespace: 'home' };
    const session = { api: tiny.api, identity, resolved: resolveFiles(resolved) } as unknown as Session;
    expect((await environmentOf(session)).variables.AWS_ACCESS_KEY_ID).toBe('first');
    expect((await environmentOf(session, 'b')).variables.AWS_ACCESS_KEY_ID).toBe('second');
  });

  it('has what comes from outside, and only what one component needs when it is named', async () => {
    secret('home', 'keys', { a: 'key', s: 'word' });
    secret('home', 'db', { u: 'ann', p: 'pw' });
    const external =
      'external: { s3: { endpoint: "https://s3.example.org", secret: { name: keys, accessKey: a, secretKey: s } } }\n';
    const found = await environment({ db, api: 'needs: { store: s3 }' }, external, 'api');

    expect(found.variables).toEqual({
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'word',
      AWS_ENDPOINT_URL_S3: 'https://s3.example.org',
      MLFLOW_S3_ENDPOINT_URL: 'https://s3.example.org',
    });
    expect(found.inside).toEqual([]);
  });

  it('names the Secrets that are not there', async () => {
    expect((await environment({ db })).missing).toEqual(['db']);
  });
});
