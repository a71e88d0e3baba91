import { createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { errorMessage } from '../errors.ts';
import { type Fields, fields, items, text } from '../kube/fields.ts';
import { certificatesIn, expiry, tokenValidity, validityOf } from './certificates.ts';
import { examineExec, REMOVED_PROVIDERS } from './login.ts';
import { type Observation, ok, warning, wrong } from './observation.ts';

const LOGIN = 'log in to the cluster again, which writes a new one';

/** A context of a kubeconfig, and how good what stands in it is. Nothing is asked of the cluster. */
export function examineKubeconfig(file: string, context: string, now: number = Date.now()): Observation[] {
  let config: Fields;
  try {
    config = fields(parse(readFileSync(file, 'utf8')));
  } catch (error) {
    return [
      wrong(`the kubeconfig cannot be read: ${errorMessage(error).split('\n')[0]}`, {
        where: file,
        remedy: 'name another one with --kubeconfig, or in KUBECONFIG',
      }),
    ];
  }
  const named = (list: unknown, name: unknown, key: string): Fields =>
    fields(items(list).find((entry) => entry.name === name)?.[key]);
  const chosen = named(config.contexts, context, 'context');
  const cluster = named(config.clusters, chosen.cluster, 'cluster');
  const user = named(config.users, chosen.user, 'user');
  const at: Place = { file, now };
  const found = [...examineCluster(cluster, at), ...examineUser(user, at), ...examineSecrecy(user, file)];
  const good = ok(
    `context ${context}: cluster ${text(chosen.cluster)} at ${text(cluster.server)}, user ${text(chosen.user)} (${waysIn(user)})`,
    { where: file },
  );
  return [good, ...found];
}

interface Place {
  file: string;
  now: number;
}

function waysIn(user: Fields): string {
  const provider = text(fields(user['auth-provider']).name);
  const ways = [
    user['client-certificate'] !== undefined || user['client-certificate-data'] !== undefined
      ? 'a client certificate'
      : '',
    user.token !== undefined || user.tokenFile !== undefined ? 'a token' : '',
    user.exec === undefined ? '' : `the login program ${text(fields(user.exec).command)}`,
    provider === '' ? '' : `the auth provider ${provider}`,
    user.username === undefined ? '' : 'a password',
  ].filter((way) => way !== '');
  return ways.join(', ') || 'nothing to log in with';
}

function examineCluster(cluster: Fields, at: Place): Observation[] {
  const found: Observation[] = [];
  const server = text(cluster.server);
  if (cluster['insecure-skip-tls-verify'] === true)
    found.push(
      warning('the server is not asked to prove who it is (insecure-skip-tls-verify)', {
        where: at.file,
        remedy: 'put the certificate authority of the cluster there instead (certificate-authority-data)',
      }),
    );
  if (server.startsWith('http://') && !/^http:\/\/(localhost|127\.|\[::1\])/.test(server))
    found.push(warning(`${server} is not encrypted`, { where: at.file, remedy: 'use its https address' }));
  const authority = contentOf(cluster, 'certificate-authority', at);
  found.push(...authority.found);
  for (const certificate of certificatesIn(authority.text ?? '') ?? [])
    found.push(
      ...present(
        expiry(
          `the certificate authority ${certificate.subject.replace(/\n/g, ', ')}`,
          validityOf(certificate),
          { where: authority.where, remedy: 'fetch the kubeconfig of this cluster anew' },
          at.now,
        ),
      ),
    );
  return found;
}

function examineUser(user: Fields, at: Place): Observation[] {
  const provider = text(fields(user['auth-provider']).name);
  const removed = REMOVED_PROVIDERS[provider];
  const tokenFile = text(user.tokenFile);
  const token =
    tokenFile === ''
      ? { text: text(user.token), where: at.file, found: [] }
      : contentOf(user, 'tokenFile', at);
  const validity = tokenValidity(token.text ?? '');
  return [
    ...(removed === undefined
      ? []
      : [
          wrong(`the auth provider ${provider} was taken out of all clients (Kubernetes 1.26)`, {
            where: at.file,
            remedy: removed,
          }),
        ]),
    ...(user.exec === undefined ? [] : examineExec(fields(user.exec), at.file)),
    ...token.found,
    ...(validity === undefined
      ? []
      : present(expiry('the token', validity, { where: token.where, remedy: LOGIN }, at.now))),
    ...examineCertificate(user, at),
  ];
}

function examineCertificate(user: Fields, at: Place): Observation[] {
  const certificate = contentOf(user, 'client-certificate', at);
  const key = contentOf(user, 'client-key', at);
  const found = [...certificate.found, ...key.found];
  if (certificate.text === undefined) return found;
  const [first] = certificatesIn(certificate.text) ?? [];
  if (first === undefined)
    return [...found, wrong('the client certificate is none', { where: certificate.where, remedy: LOGIN })];
  found.push(
    ...present(
      expiry(
        'the client certificate',
        validityOf(first),
        { where: certificate.where, remedy: LOGIN },
        at.now,
      ),
    ),
  );
  if (key.text !== undefined && !belongs(key.text, first.checkPrivateKey.bind(first)))
    found.push(
      wrong('the client key does not belong to the client certificate', { where: key.where, remedy: LOGIN }),
    );
  return found;
}

function belongs(pem: string, check: (key: ReturnType<typeof createPrivateKey>) => boolean): boolean {
  try {
    return check(createPrivateKey(pem));
  } catch {
    // One with a passphrase, or of a kind that Node does not know, is not ours to judge.
    return pem.includes('PRIVATE KEY');
  }
}

interface Content {
  text?: string;
  where: string;
  found: Observation[];
}

/** What stands under `word-data`, or in the file that `word` names. */
function contentOf(entry: Fields, word: string, { file }: Place): Content {
  const data = text(entry[`${word}-data`]);
  if (data !== '') return { text: Buffer.from(data, 'base64').toString('utf8'), where: file, found: [] };
  const path = text(entry[word]);
  if (path === '') return { where: file, found: [] };
  if (path.startsWith('~')) return { where: file, found: [tilde(`${word}: ${path}`, file)] };
  const full = resolve(dirname(file), path);
  try {
    return { text: readFileSync(full, 'utf8'), where: full, found: [] };
  } catch (error) {
    return {
      where: full,
      found: [
        wrong(`${word} names a file that cannot be read: ${errorMessage(error).split(',')[0]}`, {
          where: file,
          remedy: LOGIN,
        }),
      ],
    };
  }
}

/** Shells expand a tilde; whoever reads a kubeconfig does not. */
function tilde(what: string, file: string): Observation {
  return wrong(`${what}: nothing expands the ~ in a kubeconfig`, {
    where: file,
    remedy: 'write the whole path instead',
  });
}

function examineSecrecy(user: Fields, file: string): Observation[] {
  const secret = ['token', 'password', 'client-key-data'].some((word) => user[word] !== undefined);
  if (!secret || process.platform === 'win32' || (statSync(file).mode & 0o044) === 0) return [];
  return [
    warning('others on this machine can read the kubeconfig, which holds a secret', {
      where: file,
      remedy: `\`chmod 600 ${file}\``,
    }),
  ];
}

function present(one: Observation | undefined): Observation[] {
  return one === undefined ? [] : [one];
}
