import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isTree, type Tree } from '../config/merge.ts';
import { type SecretsSection, secretKey, secretName, type Vault } from '../config/schema/secrets.ts';
import { configError, type DatamillError, type Location } from '../errors.ts';
import { resolvePath } from '../util/paths.ts';
import type { LoadOptions, SecretValue } from './types.ts';

const TIMEOUT = 10_000;
const MAX_ANSWER = 4 * 1024 * 1024;

interface Server {
  address: URL;
  token: string;
  namespace?: string;
  ca?: Buffer;
  mount: string;
  folder: string;
  at: Location;
  signal?: AbortSignal;
}

/**
 * Reads a folder of a KV engine, version 2: each entry is a Secret, its fields are the keys.
 *
 * @throws {DatamillError} VAULT (exit 2) naming the server and the path.
 */
export async function readVault(
  section: SecretsSection,
  vault: Vault,
  options: LoadOptions,
): Promise<SecretValue[]> {
  const server = serverOf(section, vault, options);
  const names = vault.names ?? (await listEntries(server));
  const values = await Promise.all(names.map((name) => readEntry(server, name)));
  return values.flat();
}

function serverOf({ locate }: SecretsSection, vault: Vault, { env, signal }: LoadOptions): Server {
  const at = locate(['vault']);
  const said = vault.address ?? env.VAULT_ADDR;
  if (said === undefined || said === '')
    throw vaultError('it is not said where Vault is', at, 'set `address`, or VAULT_ADDR');
  const address = addressOf(said, at);
  const mount = (vault.mount ?? vault.path.split('/')[0]!).replace(/\/+$/, '');
  if (!vault.path.startsWith(`${mount}/`))
    throw vaultError(
      `the path ${vault.path} does not begin with the mount ${mount}`,
      at,
      'write both in full',
    );
  const folder = vault.path.slice(mount.length + 1);
  const home = env.HOME ?? homedir();
  const besides = (path: string) =>
    path.startsWith('~/') ? join(home, path.slice(2)) : resolvePath(path, dirname(at.file));
  const ca = caOf(vault.ca_file === undefined ? env.VAULT_CACERT : besides(vault.ca_file), home, at);
  const token = tokenOf(
    vault.token_file === undefined ? undefined : besides(vault.token_file),
    env,
    home,
    at,
  );
  return { address, token, namespace: env.VAULT_NAMESPACE, ca, mount, folder, at, signal };
}

/** The token travels in a header: in clear only to this machine itself. */
function addressOf(said: string, at: Location): URL {
  if (!URL.canParse(said)) throw vaultError(`"${said}" is no URL`, at, 'for example https://vault:8200');
  const address = new URL(said);
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(address.hostname);
  if (address.protocol === 'https:' || (address.protocol === 'http:' && local)) return address;
  throw vaultError(`${said} is not encrypted, and the token would travel in clear`, at, 'use https://');
}

function caOf(named: string | undefined, home: string, at: Location): Buffer | undefined {
  if (named === undefined || named === '') {
    try {
      return readFileSync(join(home, '.vault-ca.pem'));
    } catch {
      return undefined;
    }
  }
  try {
    return readFileSync(named);
  } catch {
    throw vaultError(
      `its certificate authority ${named} cannot be read`,
      at,
      'check `ca_file` or VAULT_CACERT',
    );
  }
}

function tokenOf(named: string | undefined, env: NodeJS.ProcessEnv, home: string, at: Location): string {
  if (named === undefined && env.VAULT_TOKEN) return env.VAULT_TOKEN.trim();
  const file = named ?? join(home, '.vault-token');
  let token = '';
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch {
    // Said below, as for a file with nothing in it.
  }
  // A header cannot hold anything else.
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw vaultError(`there is no token in ${file}`, at, '`vault login` writes one; or set VAULT_TOKEN');
}

async function listEntries(server: Server): Promise<string[]> {
  const answer = await ask(server, 'metadata', server.folder, 'list=true');
  const keys = isTree(answer) && Array.isArray(answer.keys) ? answer.keys : [];
  const entries = keys.filter((key): key is string => typeof key === 'string' && !key.endsWith('/'));
  if (entries.length > 0) return entries;
  throw vaultError(
    `there is nothing in ${server.mount}/${server.folder} on ${server.address.host}`,
    server.at,
    `\`vault kv put -mount=${server.mount} ${server.folder}/NAME key=value\` puts something there`,
  );
}

async function readEntry(server: Server, name: string): Promise<SecretValue[]> {
  const path = `${server.mount}/${server.folder}/${name}`;
  const source = `${path} on ${server.address.host}`;
  const answer = await ask(server, 'data', `${server.folder}/${name}`);
  const fields = isTree(answer) ? answer.data : undefined;
  if (!isTree(fields))
    throw vaultError(
      `${source} is not an entry of a KV engine of version 2`,
      server.at,
      `\`vault secrets list -detailed\` shows the version of ${server.mount}`,
    );
  if (!secretName.safeParse(name).success)
    throw vaultError(`${source}: "${name}" cannot be the name of a Secret`, server.at, 'rename the entry');
  return Object.entries(fields).map(([key, value]): SecretValue => {
    if (!secretKey.safeParse(key).success)
      throw vaultError(`${source}: "${key}" cannot be a key of a Secret`, server.at, 'rename the field');
    if (typeof value !== 'string')
      throw vaultError(`${source}: the field ${key} is not text`, server.at, 'store it as text');
    return { name, key, value, source, at: server.at };
  });
}

/** The `data` of an answer. */
async function ask(server: Server, kind: 'data' | 'metadata', path: string, query = ''): Promise<unknown> {
  const parts = [...server.mount.split('/'), kind, ...path.split('/')].map(encodeURIComponent);
  const base = server.address.href.replace(/\/+$/, '');
  const url = new URL(`${base}/v1/${parts.join('/')}${query === '' ? '' : `?${query}`}`);
  const { status, body } = await send(server, url);
  const shown = `${server.mount}/${path}`;
  if (status === 200 && isTree(body)) return body.data;
  throw refusal(server, shown, status, body);
}

function refusal({ address, mount, at }: Server, path: string, status: number, body: unknown): DatamillError {
  const said = isTree(body) && Array.isArray(body.errors) ? body.errors.join('; ') : '';
  const words = said === '' ? '' : `: ${said}`;
  if (status === 403)
    return vaultError(
      `Vault at ${address.host} does not let this token read ${path}${words}`,
      at,
      `its policy needs read on ${mount}/data/… and list on ${mount}/metadata/… (or name the entries in \`names\`), and the token must not be expired`,
    );
  if (status === 404)
    return vaultError(
      `there is no ${path} on ${address.host}`,
      at,
      'was it deleted, or is the path another one?',
    );
  return vaultError(
    `Vault at ${address.host} answered ${status} to ${path}${words}`,
    at,
    '`vault status` says how it is',
  );
}

function send(server: Server, url: URL): Promise<{ status: number; body: unknown }> {
  const { token, namespace, ca, signal } = server;
  const headers = {
    'X-Vault-Token': token,
    'X-Vault-Request': 'true',
    ...(namespace ? { 'X-Vault-Namespace': namespace } : {}),
  };
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(signal?.aborted ? error : connectionError(server, error));
    const request = (url.protocol === 'http:' ? http : https).get(
      url,
      { headers, ca, signal, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER) response.destroy(new Error('its answer is too long'));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString('utf8')) }),
        );
      },
    );
    request.setTimeout(TIMEOUT, () => request.destroy(new Error(`no answer within ${TIMEOUT / 1000} s`)));
    request.on('error', fail);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as Tree;
  } catch {
    return undefined;
  }
}

function connectionError({ address, at }: Server, cause: Error): DatamillError {
  const tls = /certificate|self.signed|altnames|SSL|TLS/i.test(
    `${cause.message} ${(cause as NodeJS.ErrnoException).code ?? ''}`,
  );
  return configError(
    'VAULT',
    tls
      ? `the certificate of Vault at ${address.host} cannot be trusted: ${cause.message}`
      : `Vault at ${address.host} cannot be reached: ${cause.message}`,
    {
      at,
      cause,
      hint: tls ? 'set `ca_file`, or VAULT_CACERT' : 'check `address`, or VAULT_ADDR',
    },
  );
}

function vaultError(message: string, at: Location, hint: string): DatamillError {
  return configError('VAULT', message, { at, hint });
}
