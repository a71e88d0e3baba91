import type { KubeObject } from '../../kube/types.ts';

type Fields = Record<string, unknown>;

/** Written by the API server or by who applies, never by who describes. */
const serverFields = [
  'managedFields',
  'resourceVersion',
  'generation',
  'uid',
  'creationTimestamp',
  'selfLink',
];
const ownAnnotations =
  /^(kubectl\.kubernetes\.io\/last-applied-configuration$|meta\.helm\.sh\/|deployment\.kubernetes\.io\/revision$)/;

/** A copy that holds only what somebody asked for. */
export function cleaned(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  const metadata = without(rest.metadata as unknown as Fields, (key) => serverFields.includes(key));
  const annotations = without((metadata.annotations ?? {}) as Fields, (key) => ownAnnotations.test(key));
  delete metadata.annotations;
  if (Object.keys(annotations).length > 0) metadata.annotations = annotations;
  const clean = { ...rest, metadata } as unknown as KubeObject;
  return object.kind === 'Secret' && object.apiVersion === 'v1' ? oneData(clean) : clean;
}

/** The API server turns stringData into data, so that only one of them is ever there to compare. */
function oneData(secret: KubeObject): KubeObject {
  const { stringData, ...rest } = secret;
  if (typeof stringData !== 'object' || stringData === null) return rest as KubeObject;
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString('base64'),
  ]);
  return { ...rest, data: { ...secret.data, ...Object.fromEntries(encoded) } } as KubeObject;
}

function without(map: Fields, drop: (key: string) => boolean): Fields {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !drop(key)));
}

/** The same object with every value of a Secret replaced; key names stay. */
export function masked(object: KubeObject | undefined): KubeObject | undefined {
  if (object?.kind !== 'Secret' || object.data === undefined) return object;
  const data = Object.fromEntries(Object.keys(object.data).map((key) => [key, '***']));
  return { ...object, data };
}
