import { nearest } from '../config/nearest.ts';
import { configError, refusedError } from '../errors.ts';
import { objectLabel } from '../kube/fields.ts';
import { COMPONENT } from '../kube/labels.ts';
import { secretUsers } from '../kube/secret-users.ts';
import { ownSecrets, secretState } from '../kube/secrets.ts';
import type { KubeObject } from '../kube/types.ts';
import { type Environment, environmentOf } from './secrets-env.ts';
import { type ActionOptions, openSession, type Session } from './session.ts';

/** A Secret of this project, without its values. */
export interface SecretInfo {
  name: string;
  namespace: string;
  keys: string[];
  /** The component that it is made for; empty for one of the flavour's own. */
  component: string;
  /** Namespace of the original, for a copy. */
  copyOf?: string;
  created: string;
  /** When its values were last replaced. */
  rotated?: string;
  /** Whether what uses it still has to be restarted. */
  rolling: boolean;
  /** `Kind/name` of what uses it. */
  usedBy: string[];
}

export interface SecretsOptions extends Omit<ActionOptions, 'components'> {
  component?: string;
}

/** The Secrets that were made for a flavour, or for one component of it. */
export async function listSecrets(
  options: SecretsOptions,
): Promise<{ namespace: string; secrets: SecretInfo[]; rotatable: string[] }> {
  return await withSession(options, async (session) => {
    const secrets: SecretInfo[] = [];
    for (const namespace of places(session)) {
      const [found, users] = await Promise.all([
        ownSecrets(session.api, session.identity, namespace, { signal: options.signal }),
        secretUsers(session.api, namespace, options.signal),
      ]);
      for (const secret of found) {
        const { name } = secret.metadata;
        const usedBy = users
          .filter((user) => user.secrets.has(name))
          .map(({ object }) => objectLabel(object));
        secrets.push({ ...infoOf(secret), usedBy });
      }
    }
    const { component } = options;
    const rotatable = session.resolved.components.flatMap((one) => Object.keys(one.secrets));
    return {
      namespace: session.identity.namespace,
      secrets: secrets.filter((one) => component === undefined || one.component === component),
      rotatable,
    };
  });
}

function infoOf(secret: KubeObject): Omit<SecretInfo, 'usedBy'> {
  const { metadata, data } = secret;
  const { copyOf, rotated, rolling } = secretState(secret);
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    keys: Object.keys(data ?? {}).sort(),
    component: metadata.labels?.[COMPONENT] ?? '',
    copyOf,
    created: metadata.creationTimestamp ?? '',
    rotated,
    rolling,
  };
}

/** One Secret, with its values as bytes. */
export interface RevealedSecret {
  name: string;
  namespace: string;
  data: Map<string, Buffer>;
}

/**
 * Reads one Secret of this project.
 *
 * @param options.name its name, or NAMESPACE/NAME.
 * @throws {DatamillError} UNKNOWN_SECRET, UNKNOWN_KEY (exit 2).
 */
export async function revealSecret(
  options: SecretsOptions & { name: string; key?: string },
): Promise<RevealedSecret> {
  return await withSession(options, async (session) => {
    const [name = '', namespace] = options.name.split('/').reverse();
    const all: KubeObject[] = [];
    for (const place of places(session))
      all.push(...(await ownSecrets(session.api, session.identity, place, { signal: options.signal })));
    const found =
      all.find(
        ({ metadata }) =>
          metadata.name === name && (namespace === undefined || metadata.namespace === namespace),
      ) ?? unknownSecret(name, all);
    const keys = Object.keys(found.data ?? {});
    const { key } = options;
    if (key !== undefined && !keys.includes(key))
      throw configError('UNKNOWN_KEY', `the Secret ${name} has no key "${key}"`, {
        hint: nearest(key, keys) ?? `its keys are ${keys.join(', ')}`,
      });
    const shown = key === undefined ? keys : [key];
    return {
      name,
      namespace: found.metadata.namespace ?? '',
      data: new Map(shown.map((one) => [one, Buffer.from(String(found.data?.[one] ?? ''), 'base64')])),
    };
  });
}

function unknownSecret(name: string, all: readonly KubeObject[]): never {
  const names = all.map(({ metadata }) => metadata.name);
  throw configError('UNKNOWN_SECRET', `this flavour has no Secret "${name}"`, {
    hint:
      nearest(name, names) ??
      (names.length > 0 ? `there are ${names.join(', ')}` : '`datamill up` makes those of its components'),
  });
}

/**
 * The environment in which programs find the services of a flavour, secrets included.
 *
 * @throws {DatamillError} NO_SECRET (exit 3) when a service is not installed yet.
 */
export async function readEnvironment(options: SecretsOptions): Promise<Environment> {
  return await withSession(options, async (session) => {
    const environment = await environmentOf(session, options.component);
    if (environment.missing.length === 0) return environment;
    throw refusedError('NO_SECRET', `the Secret ${environment.missing.join(', ')} is not there yet`, {
      hint: '`datamill up` makes it',
    });
  });
}

async function withSession<T>(
  { component, ...options }: SecretsOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(options, 'connect');
  try {
    if (component !== undefined) requireComponent(session, component);
    return await body(session);
  } finally {
    session.close();
  }
}

function requireComponent({ resolved }: Session, name: string): void {
  const names = resolved.components.map((one) => one.name);
  if (names.includes(name)) return;
  throw configError('UNKNOWN_COMPONENT', `this flavour has no component "${name}"`, {
    hint: nearest(name, names) ?? `its components are ${names.join(', ')}`,
  });
}

/** Namespaces in which a flavour can have Secrets. */
function places({ identity, resolved }: Session): Set<string> {
  return new Set([identity.namespace, ...resolved.components.map(({ namespace }) => namespace)]);
}
