import type { CondaEnvironment } from './environment.ts';

export interface ScriptOptions {
  /** Where the project is in the pod. */
  folder: string;
  /** The pipeline file, relative to the project. */
  entry: string;
  environment: CondaEnvironment & { file: string };
  force: boolean;
  args?: string;
  /** Variables that Argo must not see, as it would take them for tags. */
  hidden: Record<string, string>;
  hasSetup: boolean;
}

/** A word for bash that means itself, whatever is in it. */
export function quoteWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (isPlain(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  const codes = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return `$'${word.replace(/[\\'{}\n\r\t]/g, codes)}'`;
}

/** Argo takes `{{` for a tag, wherever it stands. */
export function isPlain(text: string): boolean {
  return !text.includes('{{') && !text.includes('}}');
}

/**
 * What a pod runs: it makes the environment, once for all pods, and then its task. The name of the
 * task comes in a variable, so that nothing of it is taken for code.
 */
export function taskScript(options: ScriptOptions): string {
  const { folder, entry, environment, force, args, hidden, hasSetup } = options;
  const run = [
    'ploomber task "$TASK" --entry-point',
    quoteWord(entry),
    ...(args === undefined ? [] : words(args)),
    ...(force ? ['--force'] : []),
  ];
  return [
    'set -euo pipefail',
    ...Object.entries(hidden).map(([name, value]) => `export ${name}=${quoteWord(value)}`),
    // The last letter keeps line ends.
    `case "$TASK" in base64:*) TASK=$(printf %s "\${TASK#base64:}" | base64 -d; printf x); TASK=\${TASK%x} ;; esac`,
    `cd ${quoteWord(folder)}`,
    `environment="$PWD/.datamill/environments/${environment.digest}"`,
    'mkdir -p "$(dirname "$environment")"',
    '# The first pod makes the environment, the others wait for it.',
    'exec 9>"$environment.lock"',
    'flock 9',
    'if [ ! -e "$environment/.complete" ]; then',
    '  rm -rf "$environment"',
    '  if command -v conda >/dev/null; then',
    `    conda env create --quiet --prefix "$environment" --file ${quoteWord(environment.file)}`,
    '  else',
    ...withoutConda(environment),
    '  fi',
    '  "$environment/bin/python" -c "import ploomber" 2>/dev/null || "$environment/bin/python" -m pip install --quiet ploomber',
    ...(hasSetup ? ['  "$environment/bin/python" -m pip install --quiet --editable .'] : []),
    '  touch "$environment/.complete"',
    'fi',
    'exec 9>&-',
    'export PATH="$environment/bin:$PATH"',
    `exec ${run.join(' ')}`,
    '',
  ].join('\n');
}

/** Images without conda can still have what pip installs. */
function withoutConda({ pip, conda }: CondaEnvironment): string[] {
  if (conda.length > 0)
    return [
      `    echo ${quoteWord(`this image has no conda, which ${conda.slice(0, 5).join(', ')} need`)} >&2`,
      '    exit 3',
    ];
  const install =
    pip.length === 0
      ? []
      : [`    "$environment/bin/python" -m pip install --quiet ${pip.map(quoteWord).join(' ')}`];
  return ['    python3 -m venv --system-site-packages "$environment"', ...install];
}

/** Arguments as they stand in soopervisor.yaml: words between blanks, quotes kept together. */
function words(text: string): string[] {
  const found = text.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return found.map((word) => quoteWord(word.replace(/^(["'])([\s\S]*)\1$/, '$2')));
}
