import { listSecrets, type RevealedSecret, readEnvironment, revealSecret } from '../actions/secrets.ts';
import type { Environment } from '../actions/secrets-env.ts';
import { type RotateResult, rotate as rotateSecret } from '../actions/secrets-rotate.ts';
import { configError } from '../errors.ts';
import { nameCommands } from '../ui/program.ts';
import { shellQuote } from '../util/shell.ts';
import { renderTable } from '../ui/table.ts';
import { actionOptions, type CommandOptions, confirm, sameFlags } from './runtime.ts';

/** `datamill secrets [COMPONENT]` */
export async function secrets(options: CommandOptions, component?: string): Promise<number> {
  const show = options.show as string[] | undefined;
  if (show !== undefined && options.env === true)
    throw configError('USAGE', '--show and --env cannot be used together', { hint: 'leave one of them out' });
  if (show !== undefined) return await showSecret(options, component, show);
  if (options.env === true) return await printEnvironment(options, component);
  return await list(options, component);
}

async function list(options: CommandOptions, component?: string): Promise<number> {
  const { io } = options;
  const {
    secrets: all,
    namespace,
    rotatable,
  } = await listSecrets({
    ...actionOptions(options, io.warn),
    component,
  });
  await io.document({ namespace, secrets: all }, () => {
    const flags = sameFlags(options);
    if (all.length === 0 && component !== undefined)
      return `No secrets of ${component} are in ${namespace}. \`datamill secrets${flags}\` lists those of the whole flavour.\n`;
    if (all.length === 0)
      return `This flavour has no secrets in ${namespace}. \`datamill up${flags}\` makes those of its components.\n`;
    const several = all.some((one) => one.namespace !== namespace);
    const titles = ['NAME', ...(several ? ['NAMESPACE'] : []), 'KEYS', 'COMPONENT', 'AGE', 'USED BY'];
    const rows = all.map((one) => [
      one.name,
      ...(several ? [one.namespace] : []),
      one.keys.join(', '),
      one.copyOf === undefined ? one.component || 'the flavour' : `${one.component} (copy of ${one.copyOf})`,
      `${age(one.rotated ?? one.created)}${one.rolling ? ', not in use everywhere' : ''}`,
      one.usedBy.join(', ') || '-',
    ]);
    const table = renderTable(
      titles.map((title) => ({ title })),
      rows,
      { width: process.stdout.columns },
    );
    const first = all.find(({ name }) => rotatable.includes(name))?.name;
    const next = [
      `\`datamill secrets${flags} --show ${all[0]!.name}\` prints one, \`datamill secrets${flags} --env\` export lines for a shell.`,
      ...(first === undefined ? [] : [`\`datamill secrets rotate ${first}${flags}\` makes a new one.`]),
    ];
    return `${table}\n${next.join('\n')}\n`;
  });
  return 0;
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const;

function age(since: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000));
  if (!Number.isFinite(seconds)) return '';
  const [unit, size] = UNITS.find(([, length]) => seconds >= 2 * length) ?? ['s', 1];
  return `${Math.floor(seconds / size)}${unit}`;
}

async function showSecret(
  options: CommandOptions,
  component: string | undefined,
  [name = '', key, ...more]: string[],
): Promise<number> {
  const { io } = options;
  if (more.length > 0)
    throw configError(
      'USAGE',
      `--show takes a Secret and at most one key, and got ${more.length} words more`,
      {
        hint: 'a component stands before it: `datamill secrets COMPONENT --show NAME KEY`',
      },
    );
  const secret = await revealSecret({ ...actionOptions(options, io.warn), component, name, key });
  const what = key === undefined ? `all values of ${secret.name}` : `the value of ${secret.name}.${key}`;
  if (!(await confirm(`Print ${what}?`, options)))
    throw configError('NOT_CONFIRMED', 'nothing was printed', {
      hint: 'say yes, or give --yes where there is no terminal to ask on',
    });
  if (io.output === 'text') await write(textOf(secret, key));
  else await io.document(documentOf(secret), () => '');
  return 0;
}

/** One key to a file or a pipe is given byte for byte. */
function textOf({ data }: RevealedSecret, key: string | undefined): string | Buffer {
  const only = key === undefined ? undefined : data.get(key);
  if (only !== undefined && !process.stdout.isTTY) return only;
  if (only !== undefined) return `${asText(only) ?? `${only.toString('base64')} (base64)`}\n`;
  return [...data]
    .map(([name, value]) => {
      const text = asText(value);
      if (text === undefined) return `${name}: ${value.toString('base64')} (base64)\n`;
      return text.includes('\n')
        ? `${name}:\n${text.trimEnd().replaceAll(/^/gm, '  ')}\n`
        : `${name}: ${text}\n`;
    })
    .join('');
}

function documentOf({ name, namespace, data }: RevealedSecret): Record<string, unknown> {
  const text = [...data].filter(([, value]) => asText(value) !== undefined);
  const binary = [...data].filter(([, value]) => asText(value) === undefined);
  return {
    name,
    namespace,
    data: Object.fromEntries(text.map(([key, value]) => [key, value.toString('utf8')])),
    base64: Object.fromEntries(binary.map(([key, value]) => [key, value.toString('base64')])),
  };
}

/** The bytes as text; undefined when they are none, or would do things to a terminal. */
function asText(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  return text.includes('\ufffd') || /[\x00-\x08\x0b-\x1f\x7f]/.test(text.replaceAll('\r\n', '\n'))
    ? undefined
    : text;
}

async function printEnvironment(options: CommandOptions, component?: string): Promise<number> {
  const { io } = options;
  const { variables, mc, inside } = await readEnvironment({
    ...actionOptions(options, io.warn),
    component,
  });
  const alias =
    mc && `mc alias set ${mc.alias} ${shellQuote(mc.endpoint)} "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"`;
  if (io.output !== 'text') await io.document({ env: variables, mc: alias, inside }, () => '');
  else await write(environmentText(variables, alias, inside, options));
  return 0;
}

function environmentText(
  variables: Environment['variables'],
  alias: string | undefined,
  inside: Environment['inside'],
  options: CommandOptions,
): string {
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${shellQuote(value)}`);
  const about = [
    exports.length === 0 ? '# Nothing in this flavour provides an address or a login.' : '',
    alias === undefined ? '' : `# For mc, after these: ${alias}`,
    inside.length === 0
      ? ''
      : `# These addresses work inside the cluster. From this machine: datamill forward${sameFlags(options)}`,
  ].filter((line) => line !== '');
  return `${[...exports, ...about.map(nameCommands)].join('\n')}\n`;
}

/** Values are written as they are: no name of a command in them is changed, none is hidden. */
async function write(text: string | Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    process.stdout.write(text, (error) => (error ? reject(error) : resolve())),
  );
}

/** `datamill secrets rotate NAME [KEY]` */
export async function rotate(options: CommandOptions, name: string, key?: string): Promise<number> {
  const { io } = options;
  // The document is the whole output: steps before it would make it unreadable.
  const report = io.output === 'text' ? io.progress() : io.warn;
  const result = await rotateSecret({
    ...actionOptions(options, report),
    waitLock: options.waitLock,
    name,
    key,
  });
  await io.document({ ...result }, () => rotatedText(result, options));
  return 0;
}

function rotatedText(result: RotateResult, options: CommandOptions): string {
  const { name, keys, copies, restarted, upgraded, left, rotated } = result;
  const flags = sameFlags(options);
  const time = rotated.slice(0, 19).replace('T', ' ');
  const lines = [
    keys.length > 0
      ? `${name} has a new ${keys.join(' and a new ')} since ${time} UTC.`
      : `${name}: the new value of ${time} UTC is in use now. Run the command again for another one.`,
  ];
  if (copies.length > 0) lines.push(`Copies refreshed in: ${copies.join(', ')}`);
  if (upgraded.length > 0) lines.push(`Upgraded, with their Helm history trimmed: ${upgraded.join(', ')}`);
  const list = restarted.map(({ object, component }) => `${object} (${component})`).join(', ');
  lines.push(
    restarted.length > 0
      ? `Restarted, in this order: ${list}`
      : 'Nothing of this project had to be restarted.',
  );
  for (const { object, namespace, reason } of left)
    lines.push(`Not restarted: ${object} in ${namespace}: ${reason}`);
  lines.push(
    '',
    `\`datamill status${flags}\` shows how the components are, \`datamill secrets${flags} --env\` the new values for a shell.`,
  );
  return `${lines.join('\n')}\n`;
}
