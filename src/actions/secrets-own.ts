import { configError, errorMessage, refusedError } from '../errors.ts';
import { isOurs } from '../kube/labels.ts';
import { create, remove } from '../kube/objects.ts';
import {
  flavourSecret,
  ownSecrets,
  replaceValues,
  secretPath,
  secretState,
  secretValue,
} from '../kube/secrets.ts';
import type { KubeObject } from '../kube/types.ts';
import { type Change, diffObjects } from '../plan/diff.ts';
import type { Resolved } from '../resolve/types.ts';
import type { SecretValue } from '../secrets/index.ts';
import type { Failure } from './failure.ts';
import type { InstallContext } from './install.ts';
import { literalsOf } from './secrets-literal.ts';
import { bringIntoUse } from './secrets-roll.ts';
import type { ActionOptions, Session } from './session.ts';

/** The Secrets that a flavour defines itself: name -> key -> value. */
export type OwnSecrets = ReadonlyMap<string, Record<string, string>>;

/** A Secret of the flavour that is not in the cluster as it should be. */
interface Difference {
  name: string;
  found?: KubeObject;
  /** Keys with their new values; null for one that goes. */
  values: Record<string, string | null>;
}

/**
 * Reads the flavour's own Secrets, before anything is touched, and warns of secrets that charts
 * take as literal values.
 *
 * @throws {DatamillError} exit 2 with what cannot be had, and from where.
 */
export async function prepareSecrets(resolved: Resolved, options: ActionOptions): Promise<OwnSecrets> {
  for (const component of resolved.components)
    for (const { path, secret, key } of literalsOf(component))
      options.report({
        type: 'warning',
        message: `${component.name}: its chart takes ${key} of the Secret ${secret} only as a literal value (${path}), so Helm keeps it in the release too`,
      });
  if (resolved.secrets === undefined) return new Map();
  const { loadSecrets } = await import('../secrets/index.ts');
  const values = await loadSecrets(resolved.secrets, {
    env: process.env,
    signal: options.signal,
    warn: (message, at) => options.report({ type: 'warning', message, ...at }),
  });
  refuseFixed(resolved, values);
  const own = new Map<string, Record<string, string>>();
  for (const { name, key, value } of values) own.set(name, { ...own.get(name), [key]: value });
  return own;
}

/** A key that a component fixes would be written back and forth. */
function refuseFixed({ components, project }: Resolved, values: readonly SecretValue[]): void {
  for (const { name, key, source, at } of values) {
    const owner = components.find(
      ({ namespace, secrets }) =>
        namespace === project.k8s_namespace && 'value' in (secrets[name]?.[key] ?? {}),
    );
    if (owner !== undefined)
      throw configError('SECRET_FIXED', `${name}.${key} of ${source} is fixed by ${owner.name}`, {
        at,
        hint: 'leave the key out: it is no secret',
      });
  }
}

/** What of the flavour's own Secrets differs from the cluster. */
async function differences({ api, identity }: Session, own: OwnSecrets): Promise<Difference[]> {
  const all = await Promise.all(
    [...own].map(async ([name, values]): Promise<Difference> => {
      const found = await api.find<KubeObject>(secretPath(identity.namespace, name));
      if (found === undefined) return { name, values };
      if (!isOurs(found.metadata.labels, identity) || secretState(found).copyOf !== undefined)
        throw refusedError(
          'SECRET_FOREIGN',
          `the Secret ${identity.namespace}/${name} was not made by this project`,
          { hint: 'give yours another name' },
        );
      const changed = Object.entries(values).filter(([key, value]) => secretValue(found, key) !== value);
      const gone = secretState(found).fromFlavour.filter((key) => !Object.hasOwn(values, key));
      return {
        name,
        found,
        values: { ...Object.fromEntries(changed), ...Object.fromEntries(gone.map((key) => [key, null])) },
      };
    }),
  );
  return all.filter(({ found, values }) => found === undefined || Object.keys(values).length > 0);
}

/** What `up` would change of the flavour's own Secrets; no value is in it. */
export async function planOwnSecrets(session: Session, own: OwnSecrets): Promise<Change[]> {
  const about = { apiVersion: 'v1', kind: 'Secret' };
  const { namespace } = session.identity;
  return (await differences(session, own)).flatMap(({ name, found, values }) => {
    const metadata = { name, namespace };
    const after = { ...(found?.data ?? {}), ...values };
    for (const [key, value] of Object.entries(values)) if (value === null) delete after[key];
    return diffObjects(found === undefined ? [] : [{ ...about, metadata, data: found.data }], [
      { ...about, metadata, data: after },
    ]);
  });
}

/** Makes and changes the flavour's own Secrets; all that stands in the way is found before the first write. */
export async function makeOwnSecrets(
  session: Session,
  own: OwnSecrets,
  { report }: Pick<InstallContext, 'report'>,
): Promise<void> {
  const { api, identity } = session;
  const done: string[] = [];
  for (const { name, found, values } of await differences(session, own)) {
    const wanted = own.get(name)!;
    if (found === undefined) {
      if ((await create(api, flavourSecret(identity, name, wanted))) === undefined)
        throw refusedError('SECRET_FOREIGN', `somebody else just made the Secret ${name}`);
      done.push(`made ${name}`);
    } else {
      await replaceValues(api, identity.namespace, name, values, { fromFlavour: Object.keys(wanted) });
      done.push(`changed ${name} (${Object.keys(values).join(', ')})`);
    }
  }
  if (done.length > 0) report({ type: 'step', phase: 'secrets', state: 'done', message: done.join(', ') });
}

/**
 * Ends what stands open after the components are installed: Secrets whose new values are not in
 * use yet, and Secrets that the flavour no longer defines.
 */
export async function settleSecrets(
  own: OwnSecrets,
  context: InstallContext,
  options: { prune: boolean },
): Promise<Failure[]> {
  const { session, report, signal } = context;
  const { api, identity, resolved } = session;
  const failures: Failure[] = [];
  const places = new Set([identity.namespace, ...resolved.components.map(({ namespace }) => namespace)]);
  for (const namespace of places) {
    for (const secret of await ownSecrets(api, identity, namespace, { metadataOnly: true, signal })) {
      const { name } = secret.metadata;
      const { rolling, ofFlavour } = secretState(secret);
      const gone = ofFlavour && !own.has(name);
      if (gone && options.prune) {
        await remove(api, { apiVersion: 'v1', kind: 'Secret', name, namespace });
        report({ type: 'step', phase: 'secrets', state: 'done', message: `deleted ${name}` });
      } else if (gone) {
        const message = `the Secret ${name} is no longer in the flavour; \`datamill up --prune\` deletes it`;
        report({ type: 'warning', message });
      } else if (rolling) {
        try {
          await bringIntoUse(namespace, name, context);
        } catch (error) {
          signal.throwIfAborted();
          const message = `Secret ${name}: ${errorMessage(error)}`;
          failures.push({ component: 'secrets', message, findings: [], logs: [], commands: [] });
        }
      }
    }
  }
  return failures;
}
