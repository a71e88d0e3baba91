import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Dev } from '../config/schema/dev.ts';
import { validate } from '../config/validate.ts';
import { configError, DatamillError, refusedError } from '../errors.ts';
import { defaultFlavourFiles, readFlavour } from '../resolve/flavour.ts';
import { parseDuration } from '../util/duration.ts';
import { exec } from '../util/exec.ts';
import { resolvePath } from '../util/paths.ts';
import { registerSecrets } from '../util/redact.ts';
import type { ActionOptions } from './session.ts';
import { type NewTunnel, newTunnel } from './tunnel.ts';

const VAULT = { cacert: '~/.vault-ca.pem', token: '~/.vault-token' };
const GOOGLE = '~/.config/gcloud/application_default_credentials.json';

/** What is started for development, from the section `dev:` of a flavour. */
export interface DevPlan {
  /** Folder in which it is started: that of the flavour. */
  folder: string;
  compose?: string;
  command?: string[];
  env: Record<string, string>;
  tunnel: NewTunnel;
}

/**
 * Reads the section `dev:`.
 *
 * @throws {DatamillError} NO_DEV, INVALID_VALUE, TUNNEL_NAME, TUNNEL_PORT (exit 2).
 */
export function devPlan({ flavours, report }: Pick<ActionOptions, 'flavours' | 'report'>): DevPlan {
  const { file, document } = readFlavour(flavours ?? defaultFlavourFiles());
  const said = (document.data as Record<string, unknown>).dev;
  if (said === undefined || said === null) {
    throw configError('NO_DEV', 'the flavour has no section `dev:`', {
      at: { file },
      hint: 'for example `dev: { command: npm run dev, ports: ["8000:3000"] }`; see docs/tunnel.md',
    });
  }
  const dev = validate(Dev, said, { document, path: ['dev'], label: 'dev' });
  const folder = dirname(document.locate(['dev']).file);
  const { name, ports, transport, image, from } = dev;
  const ttl = parseDuration(dev.ttl)!;
  return {
    folder,
    compose: dev.compose === undefined ? undefined : resolvePath(dev.compose, folder),
    command: typeof dev.command === 'string' ? ['/bin/sh', '-c', dev.command] : dev.command,
    env: { ...dev.env, ...credentials(dev, folder, (message) => report({ type: 'warning', message })) },
    tunnel: newTunnel({ name, ports, transport, image, from, ttl }),
  };
}

/** Paths and tokens where the original looked for them. What the user has set stays. */
function credentials(
  { vault, google }: Dev,
  folder: string,
  warn: (message: string) => void,
): Record<string, string> {
  const env: Record<string, string> = {};
  const put = (variable: string, path: string, value: (path: string) => string) => {
    if (process.env[variable]) return;
    const file = resolvePath(path, folder);
    if (existsSync(file)) env[variable] = value(file);
    else warn(`${variable} is not passed: there is no ${file}`);
  };
  if (vault !== false) {
    const { cacert = VAULT.cacert, token = VAULT.token } = vault === true ? {} : vault;
    put('VAULT_CACERT', cacert, (file) => file);
    put('VAULT_TOKEN', token, (file) => readFileSync(file, 'utf8').trim());
    if (env.VAULT_TOKEN !== undefined) registerSecrets(env.VAULT_TOKEN);
  }
  if (google !== false)
    put('GOOGLE_APPLICATION_CREDENTIALS', google === true ? GOOGLE : google, (file) => file);
  return env;
}

/**
 * Starts or stops the containers of the compose file.
 *
 * @param io.onLine gets what compose says while it works: pulling images may take long.
 * @throws {DatamillError} NO_COMPOSE_FILE (exit 2), NO_COMPOSE (exit 3), COMPOSE_FAILED.
 */
export async function compose(
  { compose: file, env, folder }: DevPlan,
  verb: 'start' | 'stop',
  { signal, onLine }: { signal?: AbortSignal; onLine?: (line: string) => void },
): Promise<void> {
  if (file === undefined) {
    throw configError('NO_COMPOSE_FILE', '-c starts containers, and `dev:` names no compose file', {
      hint: 'for example `dev: { compose: docker-compose.yaml }`',
    });
  }
  if (!existsSync(file)) throw configError('NO_COMPOSE_FILE', `the compose file ${file} does not exist`);
  const [program = '', ...before] = await findCompose();
  const words = verb === 'start' ? ['up', '--detach', '--wait'] : ['down'];
  const args = [...before, '--file', file, ...words];
  const options = { env, cwd: folder, signal, onStderrLine: onLine };
  const { exitCode, stderr, canceled } = await exec(program, args, options);
  if (exitCode === 0 || canceled) return;
  throw new DatamillError(
    'COMPOSE_FAILED',
    `${[program, ...args].join(' ')} failed:\n${stderr.trim().split('\n').slice(-8).join('\n')}`,
  );
}

async function findCompose(): Promise<string[]> {
  for (const words of [
    ['docker', 'compose'],
    ['podman', 'compose'],
    ['docker-compose'],
    ['podman-compose'],
  ]) {
    const [program = '', ...args] = words;
    const found = await exec(program, [...args, 'version']).catch(() => undefined);
    if (found?.exitCode === 0) return words;
  }
  throw refusedError('NO_COMPOSE', 'there is neither docker compose nor podman compose on this machine', {
    hint: 'install one of them, or start the program without containers: `datamill dev start`',
  });
}
