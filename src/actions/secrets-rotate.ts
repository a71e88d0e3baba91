import { nearest } from '../config/nearest.ts';
import type { Hook, Rotation } from '../config/schema/component.ts';
import { configError, refusedError } from '../errors.ts';
import { isOurs, ownLabels } from '../kube/labels.ts';
import { create, remove } from '../kube/objects.ts';
import { generateSecret, replaceValues, secretPath, secretState, secretValue } from '../kube/secrets.ts';
import type { KubeObject } from '../kube/types.ts';
import type { ResolvedComponent } from '../resolve/types.ts';
import { registerSecrets } from '../util/redact.ts';
import { runHook } from './hooks.ts';
import type { InstallContext } from './install.ts';
import { ClusterView } from './monitor.ts';
import { type LockedOptions, locked } from './run.ts';
import { literalsOf } from './secrets-literal.ts';
import { bringIntoUse, type RollResult } from './secrets-roll.ts';
import { type ActionOptions, openSession, type Session } from './session.ts';
import { compareWithCluster } from './wanted.ts';

export interface RotateOptions extends ActionOptions, LockedOptions {
  /** Name of the Secret, or NAMESPACE/NAME. */
  name: string;
  /** Only this key. */
  key?: string;
}

export interface RotateResult extends RollResult {
  name: string;
  namespace: string;
  component: string;
  /** Keys with new values; none when an earlier rotation was brought to its end. */
  keys: string[];
  /** When the value that is now in use was made. */
  rotated: string;
}

interface Target {
  component: ResolvedComponent;
  name: string;
}

/**
 * Gives a Secret that the platform made new values, and restarts what uses it. One that was cut
 * short is brought to its end first: nothing is left with a value that nobody has.
 *
 * @throws {DatamillError} exit 2 or 3 when it cannot be rotated (nothing was touched), ROLL_FAILED
 * (exit 1) when something does not become ready again.
 */
export async function rotate(options: RotateOptions): Promise<RotateResult> {
  const session = await openSession({ ...options, components: undefined }, 'connect');
  try {
    const target = targetOf(session, options.name);
    return await locked(session, options, (signal) =>
      rotateLocked(target, options, {
        session,
        view: new ClusterView(session.api),
        report: options.report,
        signal,
      }),
    );
  } finally {
    session.close();
  }
}

/** The component that the Secret is made for. */
function targetOf({ resolved }: Session, said: string): Target {
  const [name = '', namespace] = said.split('/').reverse();
  const owners = resolved.components.filter(
    (one) => Object.hasOwn(one.secrets, name) && (namespace === undefined || one.namespace === namespace),
  );
  const [component, other] = owners;
  if (component !== undefined && other === undefined) return { component, name };
  if (component !== undefined)
    throw configError('SECRET_AMBIGUOUS', `${owners.length} components make a Secret ${name}`, {
      hint: `say which: ${owners.map((one) => `${one.namespace}/${name}`).join(' or ')}`,
    });
  const all = resolved.components.flatMap(({ secrets }) => Object.keys(secrets));
  const inside = resolved.components.find((one) => one.name === name);
  const named = Object.keys(inside?.secrets ?? {});
  throw configError('UNKNOWN_SECRET', `no component of this flavour makes a Secret "${name}"`, {
    hint:
      named.length > 0
        ? `${name} is a component: its Secret is ${named.join(', ')}`
        : (nearest(name, all) ??
          (all.length > 0
            ? `those that can be rotated are ${all.join(', ')}; a Secret of the flavour's own changes at its source, then \`datamill up\``
            : 'the components of this flavour make none')),
  });
}

async function rotateLocked(
  { component, name }: Target,
  { key }: RotateOptions,
  context: InstallContext,
): Promise<RotateResult> {
  const { session, report } = context;
  const { api, identity } = session;
  const { namespace } = component;
  const found = await api.find<KubeObject>(secretPath(namespace, name));
  if (found === undefined)
    throw refusedError('NO_SECRET', `the Secret ${namespace}/${name} is not there yet`, {
      hint: `\`datamill up -c ${component.name}\` makes it`,
    });
  if (!isOurs(found.metadata.labels, identity))
    throw refusedError('SECRET_FOREIGN', `the Secret ${namespace}/${name} was not made by this project`, {
      hint: 'change it where it comes from',
    });
  const keys = keysToRotate(component, name, key, found);
  await refuseOutdated(name, component, context);
  const tell = (message: string) =>
    report({ type: 'step', component: component.name, phase: 'secrets', state: 'running', message });
  const pending = secretState(found).rolling;
  if (pending)
    tell(`going on with the new value of ${secretState(found).rotated}, which is not in use everywhere`);
  else {
    tell(`new ${keys.join(', ')} for ${name}`);
    await change(component, name, keys, found, context);
  }
  const rolled = await bringIntoUse(namespace, name, context);
  const now = await api.get<KubeObject>(secretPath(namespace, name));
  return {
    name,
    namespace,
    component: component.name,
    keys: pending ? [] : keys,
    rotated: secretState(now).rotated ?? '',
    ...rolled,
  };
}

/** How a key comes into use. */
function rotationOf({ secrets }: ResolvedComponent, name: string, key: string): Rotation {
  return secrets[name]?.[key]?.rotate ?? 'roll';
}

/** @throws {DatamillError} when the key that was named, or every key, cannot be rotated. */
function keysToRotate(
  component: ResolvedComponent,
  name: string,
  wanted: string | undefined,
  found: KubeObject,
): string[] {
  const sources = component.secrets[name]!;
  const own = secretState(found).fromFlavour;
  const obstacle = (key: string): string | undefined => {
    if (own.includes(key))
      return "it comes from the flavour's own `secrets`: change it there, then run `datamill up`";
    if (!('generate' in sources[key]!)) return 'it is no secret, but a fixed value';
    if (rotationOf(component, name, key) === 'none')
      return `${component.name} keeps it inside, where no new value reaches it`;
    return undefined;
  };
  if (wanted !== undefined && !Object.hasOwn(sources, wanted))
    throw configError(
      'UNKNOWN_KEY',
      `the Secret ${name} has no key "${wanted}" that ${component.name} makes`,
      {
        hint: nearest(wanted, Object.keys(sources)) ?? `its keys are ${Object.keys(sources).join(', ')}`,
      },
    );
  const all = wanted === undefined ? Object.keys(sources) : [wanted];
  const keys = all.filter((key) => obstacle(key) === undefined);
  if (keys.length > 0) return keys;
  throw refusedError('NOT_ROTATED', `${name}.${all[0]} cannot be rotated: ${obstacle(all[0]!)}`);
}

/** A component that takes the value as a literal is upgraded: only if that changes nothing else. */
async function refuseOutdated(
  name: string,
  { namespace }: ResolvedComponent,
  { session, signal }: InstallContext,
): Promise<void> {
  const takes = session.resolved.components.filter((one) =>
    literalsOf(one).some(({ secret }) => secret === name),
  );
  if (takes.length === 0) return;
  const { wanted } = await compareWithCluster(session, signal);
  for (const { component, assessment } of wanted) {
    const copied = component.namespace === namespace || component.copies.some((copy) => copy.name === name);
    if (!takes.includes(component) || !copied) continue;
    if (['absent', 'deployed', 'pending'].includes(assessment.state)) continue;
    throw refusedError(
      'OUTDATED',
      `${component.name} has to be upgraded for a new value, and differs from the flavour already: ${assessment.message}`,
      { hint: 'run `datamill up` first' },
    );
  }
}

/** Makes the new values and puts them into the Secret, after the service itself knows them where it must. */
async function change(
  component: ResolvedComponent,
  name: string,
  keys: readonly string[],
  found: KubeObject,
  context: InstallContext,
): Promise<void> {
  const { api } = context.session;
  const fresh = Object.fromEntries(keys.map((key) => [key, newValue(component, name, key)]));
  const byJob = keys.filter((key) => typeof rotationOf(component, name, key) === 'object');
  if (byJob.length > 0) {
    // The new values must outlive us before the service learns them.
    const staged = await stage(component, name, fresh, context);
    for (const key of byJob) fresh[key] = secretValue(staged, key) ?? fresh[key]!;
    registerSecrets(...Object.values(fresh));
    for (const key of byJob) await runJob(component, name, key, context);
  }
  registerSecrets(...keys.flatMap((key) => secretValue(found, key) ?? []));
  await replaceValues(api, component.namespace, name, fresh);
  if (byJob.length > 0)
    await remove(api, {
      apiVersion: 'v1',
      kind: 'Secret',
      name: stagedName(name),
      namespace: component.namespace,
    });
}

function newValue({ secrets }: ResolvedComponent, name: string, key: string): string {
  const source = secrets[name]![key]!;
  const value = generateSecret('generate' in source ? source.generate : 32);
  registerSecrets(value);
  return value;
}

function stagedName(name: string): string {
  return `${name}-next`;
}

/** The new values as a Secret; that of a run that was cut short, if there is one. */
async function stage(
  { namespace, name: component }: ResolvedComponent,
  name: string,
  fresh: Record<string, string>,
  { session: { api, identity } }: InstallContext,
): Promise<KubeObject> {
  const path = secretPath(namespace, stagedName(name));
  const staged: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: stagedName(name), namespace, labels: ownLabels(identity, component) },
    stringData: fresh,
  };
  await create(api, staged);
  const there = await api.get<KubeObject>(path);
  if (isOurs(there.metadata.labels, identity)) return there;
  throw refusedError('SECRET_FOREIGN', `the Secret ${namespace}/${stagedName(name)} is in the way`);
}

async function runJob(
  component: ResolvedComponent,
  name: string,
  key: string,
  { session, report, signal }: InstallContext,
): Promise<void> {
  const rotation = rotationOf(component, name, key) as { job: Omit<Hook, 'name'> };
  report({
    type: 'step',
    component: component.name,
    phase: 'secrets',
    state: 'running',
    message: `changing ${key} inside the service`,
  });
  const { job } = rotation;
  const hook: Hook = {
    ...job,
    name: `rotate-${key.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`,
    secret_env: { ...job.secret_env, OLD: { name, key }, NEW: { name: stagedName(name), key } },
  };
  await runHook(session.api, session.identity, component, hook, signal);
}
