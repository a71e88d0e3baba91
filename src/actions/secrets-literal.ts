import { isTree, type Tree } from '../config/merge.ts';
import { configError, DatamillError } from '../errors.ts';
import { listRevisions } from '../helm/releases.ts';
import type { Api } from '../kube/client.ts';
import { remove } from '../kube/objects.ts';
import { secretPath, secretValue } from '../kube/secrets.ts';
import type { KubeObject } from '../kube/types.ts';
import type { Change } from '../plan/diff.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { redactDocument, registerSecrets } from '../util/redact.ts';

/** A Helm value that must be the secret itself, as the chart takes no reference to a Secret. */
export interface Literal {
  /** As component.yaml says it: `auth.password`. */
  path: string;
  secret: string;
  key: string;
}

/**
 * The literal values of a component, as its Helm values name them: `{secret, key}` at each path of
 * `literal_secrets`. A path that holds nothing, or text of the user's own, is none.
 *
 * @throws {DatamillError} LITERAL_SECRET (exit 2) when something else stands there.
 */
export function literalsOf({ name, spec, values }: ResolvedComponent): Literal[] {
  return spec.literal_secrets.flatMap((path) => {
    const found = at(values, path);
    if (found === undefined || found === null || typeof found === 'string') return [];
    if (isTree(found) && typeof found.secret === 'string' && typeof found.key === 'string')
      return [{ path, secret: found.secret, key: found.key }];
    throw configError('LITERAL_SECRET', `the Helm value ${path} of ${name} does not name a secret`, {
      hint: 'a path of literal_secrets holds `{ secret: NAME, key: KEY }`',
    });
  });
}

/**
 * The Helm values with the secrets in them: for standard input of helm, and nothing else.
 *
 * @throws {DatamillError} LITERAL_SECRET (exit 1) when a Secret or a key is not there.
 */
export async function valuesWithSecrets(api: Api, component: ResolvedComponent): Promise<Tree> {
  return await filled(component, async ({ secret, key, path }) => {
    const value = await read(api, component.namespace, secret, key);
    if (value !== undefined) return value;
    throw new DatamillError(
      'LITERAL_SECRET',
      `${component.name} needs ${key} of the Secret ${component.namespace}/${secret} for its Helm value ${path}, and it is not there`,
      { hint: 'component.yaml makes it under `secrets`, a flavour under its own `secrets`' },
    );
  });
}

/** The same for a plan: a Secret that is not made yet has a placeholder. */
export async function valuesForPlan(api: Api, component: ResolvedComponent): Promise<Tree> {
  return await filled(
    component,
    async ({ secret, key }) =>
      (await read(api, component.namespace, secret, key)) ?? placeholder(secret, key),
  );
}

/** The same where no cluster is asked. */
export async function valuesWithPlaceholders(component: ResolvedComponent): Promise<Tree> {
  return await filled(component, ({ secret, key }) => Promise.resolve(placeholder(secret, key)));
}

function placeholder(secret: string, key: string): string {
  return `value-of-${secret}.${key}`;
}

async function read(api: Api, namespace: string, secret: string, key: string): Promise<string | undefined> {
  const found = await api.find<KubeObject>(secretPath(namespace, secret));
  const value = found === undefined ? undefined : secretValue(found, key);
  if (value !== undefined) registerSecrets(value);
  return value;
}

async function filled(
  component: ResolvedComponent,
  fill: (literal: Literal) => Promise<string>,
): Promise<Tree> {
  const literals = literalsOf(component);
  if (literals.length === 0) return component.values;
  const values = structuredClone(component.values);
  for (const literal of literals) {
    const keys = literal.path.split('.');
    const parent = at(values, keys.slice(0, -1).join('.')) as Tree;
    parent[keys.at(-1)!] = await fill(literal);
  }
  return values;
}

function at(values: Tree, path: string): unknown {
  const keys = path === '' ? [] : path.split('.');
  return keys.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Tree)[key]
        : undefined,
    values,
  );
}

/** Hides literal secrets in what a plan shows: where the new value has one, the old one may have another. */
export function maskLiterals(component: ResolvedComponent, changes: Change[]): Change[] {
  if (component.spec.literal_secrets.length === 0) return changes;
  return changes.map((change) => {
    const before = redactDocument(change.before);
    const after = redactDocument(change.after);
    const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
    if (same(before, change.before) && same(after, change.after)) return change;
    const hide = (value: unknown, side: string) => (value === undefined ? undefined : `*** (${side})`);
    return { ...change, before: hide(before, 'before'), after: hide(after, 'after') };
  });
}

/** Deletes all revisions of a release but the newest: they hold literal secrets that no longer count. */
export async function trimHistory(api: Api, namespace: string, release: string): Promise<number> {
  const [newest, ...old] = await listRevisions(api, namespace, { release, superseded: true });
  if (newest?.status !== 'deployed') return 0;
  for (const { secret } of old)
    await remove(api, { apiVersion: 'v1', kind: 'Secret', name: secret, namespace });
  return old.length;
}
