import { text } from '../kube/fields.ts';
import type { KubeObject } from '../kube/types.ts';
import { certificatesIn, expiry, validityOf } from './certificates.ts';
import { type Observation, ok, unknown } from './observation.ts';

export const TLS_SECRETS = 'type=kubernetes.io/tls';
const ISSUED = 'cert-manager.io/certificate-name';

/** The certificates in TLS Secrets. @param secrets undefined without the right to list them */
export function examineCertificates(
  namespace: string,
  secrets: readonly KubeObject[] | undefined,
  now?: number,
): Observation[] {
  if (secrets === undefined)
    return [unknown(`the certificates in ${namespace}: this user may not list Secrets`)];
  const found = secrets.flatMap((secret) => {
    const [first] =
      certificatesIn(Buffer.from(text(secret.data?.['tls.crt']), 'base64').toString('utf8')) ?? [];
    if (first === undefined) return [];
    const { name, annotations } = secret.metadata;
    const issued = annotations?.[ISSUED];
    const remedy =
      issued === undefined
        ? `renew it: \`kubectl -n ${namespace} create secret tls ${name} --cert FILE --key FILE --dry-run=client -o yaml | kubectl apply -f -\``
        : `cert-manager should have renewed it: \`kubectl -n ${namespace} describe certificate ${issued}\``;
    return (
      expiry('its certificate', validityOf(first), { where: `Secret ${namespace}/${name}`, remedy }, now) ??
      []
    );
  });
  if (found.length > 0 || secrets.length === 0) return found;
  return [
    ok(`${secrets.length} ${secrets.length === 1 ? 'certificate is' : 'certificates are'} valid`, {
      where: `namespace ${namespace}`,
    }),
  ];
}
