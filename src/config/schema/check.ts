import * as z from 'zod';
import { dnsLabel } from './common.ts';

const kinds = ['http', 'tcp', 's3', 'condition', 'job', 'amqp'] as const;

/** Numbers and switches that a template gives keep their type; those that stand for text become text. */
const text = z.union([z.string(), z.number(), z.boolean()], { error: 'expected text' }).transform(String);
const texts = z.record(z.string(), text);
const secretKey = z.strictObject({ name: z.string(), key: z.string() });

/**
 * The words of a check. In component.yaml whole numbers and switches may be templates; after the
 * templates have been evaluated they may not.
 */
function checkOf(whole: z.ZodType<number>, flag: z.ZodType<boolean>) {
  const place = {
    service: z.string().min(1).meta({ description: 'Name of the Service.' }),
    port: whole.meta({ description: 'Port of the Service.' }),
  };
  const Http = z.strictObject({
    ...place,
    path: z.string().startsWith('/', 'must begin with /').default('/'),
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
    headers: texts.default({}),
    secret_headers: z
      .record(z.string(), secretKey.extend({ prefix: z.string().default('') }))
      .default({})
      .meta({ description: 'Headers from Secrets: {Authorization: {name, key, prefix: "Bearer "}}.' }),
    basic_auth: z
      .strictObject({ name: z.string(), user: z.string(), password: z.string() })
      .optional()
      .meta({ description: 'A Secret, and the names of its keys that hold user and password.' }),
    body: text.optional().meta({ description: 'What is sent.' }),
    tls: z
      .strictObject({ insecure: flag.default(false), ca: secretKey.optional() })
      .optional()
      .meta({ description: 'Use https; `ca` is a key of a Secret, `insecure` trusts any certificate.' }),
    status: z
      .array(whole)
      .min(1)
      .optional()
      .meta({ description: 'Status codes that are right. Default: 200 to 299.' }),
    contains: text.optional().meta({ description: 'Text that the answer holds.' }),
    json: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .default({})
      .meta({ description: 'Values in a JSON answer, by path: {nodes.0.state: ready}.' }),
  });
  const Tcp = z.strictObject({
    ...place,
    send: text.optional().meta({ description: 'What is written first.' }),
    expect: text.optional().meta({ description: 'Text that must come back.' }),
  });
  const Condition = z.strictObject({
    apiVersion: z.string(),
    kind: z.string(),
    name: z.string().min(1),
    namespace: dnsLabel.optional().meta({ description: "Default: the component's." }),
    type: z.string().default('Ready'),
    status: text.default('True'),
  });
  const Job = z.strictObject({
    image: z.string().min(1),
    command: z.array(text).min(1),
    env: texts.default({}),
    secret_env: z.record(z.string(), secretKey).default({}).meta({
      description: 'Variables from Secrets; one whose name is empty is left out.',
    }),
    resources: z
      .strictObject({ requests: texts.optional(), limits: texts.optional() })
      .optional()
      .meta({ description: 'In the words of Kubernetes. Default: 50m and 64Mi, at most 1 and 1Gi.' }),
  });
  return z
    .strictObject({
      name: dnsLabel,
      timeout: whole
        .default(60)
        .meta({ description: 'Seconds until a check that has not passed has failed.' }),
      http: Http.optional().meta({ description: 'A request, and what the answer must be.' }),
      tcp: Tcp.optional().meta({ description: 'A connection, and what must come back.' }),
      s3: z.strictObject({}).optional().meta({
        description: 'Puts an object into the store that the component provides, and gets it back.',
      }),
      condition: Condition.optional().meta({ description: 'A condition that an object has in its status.' }),
      job: Job.optional().meta({ description: 'A Job that must succeed.' }),
      amqp: z
        .strictObject({})
        .optional()
        .meta({ description: 'Sends a message through the broker that the component provides.' }),
    })
    .check(({ value, issues }) => {
      const said = kinds.filter((kind) => value[kind] !== undefined);
      if (said.length === 1) return;
      const found = said.length === 0 ? 'none' : said.join(' and ');
      const message = `a check is of one kind (${kinds.join(', ')}); this one names ${found}`;
      issues.push({ code: 'custom', message, input: value, path: [] });
    });
}

/** A check with nothing left to evaluate. */
export const Check = checkOf(z.int().positive(), z.boolean());
export type Check = z.infer<typeof Check>;

const orTemplate = <T extends z.ZodType>(type: T, error: string) =>
  z.union([type, z.string().regex(/\{\{.*\}\}/s, error)], { error }) as unknown as T;

/** `checks:` as component.yaml says it. */
export const checks = z
  .array(
    checkOf(
      orTemplate(z.int().positive(), 'expected a whole number, or a template'),
      orTemplate(z.boolean(), 'expected true or false, or a template'),
    ),
  )
  .default([])
  .check(({ value, issues }) => {
    const names = value.map(({ name }) => name);
    const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
    if (twice === -1) return;
    const message = 'another check has this name';
    issues.push({ code: 'custom', message, input: names[twice], path: [twice, 'name'] });
  });
