import { fields, items } from '../kube/fields.ts';
import type { KubeObject } from '../kube/types.ts';

const MASK = '***';
const SECRET =
  /pass(word|wd|phrase)?|secret|token|credential|api[-_]?key|access[-_]?key|private[-_]?key|auth$/i;
/** A flag or setting with a value: `--password=x`, `TOKEN=x`. */
const SETTING =
  /([\w-]*(?:pass(?:word|wd)?|secret|token|credential|api-?key|access-?key)[\w-]*\s*[=:]\s*)(\S+)/gi;
/** User and password in an address. */
const LOGIN = /(\w+:\/\/[^\s:/@]*:)[^\s/@]+(@)/g;
/** They repeat the whole object, values and all. */
const REPEATS = 'kubectl.kubernetes.io/last-applied-configuration';

/** The pod as it is in the cluster, without what is only for programs, values that look secret masked. */
export function shownPod(pod: KubeObject): KubeObject {
  const {
    managedFields: _,
    annotations,
    ...metadata
  } = pod.metadata as KubeObject['metadata'] & Record<string, unknown>;
  const { [REPEATS]: _repeated, ...kept } = annotations ?? {};
  const { apiVersion, kind, metadata: _all, spec, ...rest } = pod;
  return {
    apiVersion,
    kind,
    metadata: { ...metadata, ...(Object.keys(kept).length > 0 ? { annotations: kept } : {}) },
    spec: {
      ...spec,
      ...Object.fromEntries(
        ['initContainers', 'containers', 'ephemeralContainers'].flatMap((key) =>
          spec?.[key] === undefined ? [] : [[key, items(spec[key]).map(shownContainer)]],
        ),
      ),
    },
    ...rest,
  };
}

function shownContainer(container: Record<string, unknown>): Record<string, unknown> {
  const shown = { ...container };
  if (Array.isArray(container.env)) shown.env = items(container.env).map(shownVariable);
  for (const key of ['command', 'args'])
    if (Array.isArray(container[key])) shown[key] = maskedWords(container[key] as unknown[]);
  return shown;
}

function shownVariable(variable: Record<string, unknown>): Record<string, unknown> {
  const { name, value } = variable;
  if (typeof value !== 'string' || value === '') return variable;
  return { ...variable, value: SECRET.test(String(name)) ? MASK : masked(value) };
}

/** Also `--password` followed by a word of its own. */
function maskedWords(words: readonly unknown[]): unknown[] {
  return words.map((word, index) => {
    if (typeof word !== 'string') return word;
    const before = words[index - 1];
    const isValue = typeof before === 'string' && /^--?[\w-]+$/.test(before) && SECRET.test(before);
    return isValue && !word.startsWith('-') ? MASK : masked(word);
  });
}

function masked(text: string): string {
  return text.replaceAll(SETTING, `$1${MASK}`).replaceAll(LOGIN, `$1${MASK}$2`);
}

/** Everything that a text of the pod could hold of a Secret. */
export function secretTexts(secrets: readonly KubeObject[]): string[] {
  return secrets.flatMap(({ data }) =>
    Object.values(fields(data)).map((value) => Buffer.from(String(value), 'base64').toString('utf8')),
  );
}
