import { type Code, codeLines, IMAGE_ENVIRONMENT } from './code.ts';
import type { CondaEnvironment } from './environment.ts';
import { quoteWord } from './quote.ts';

export interface ScriptOptions {
  /** Where the project is in the pod. */
  folder: string;
  /** The pipeline file, relative to the project. */
  entry: string;
  environment: CondaEnvironment & { file: string };
  force: boolean;
  args?: string;
  /** Values of env.yaml that were given on the command line, by dotted key. */
  values: Readonly<Record<string, string>>;
  /** The file that stands in for env.yaml. */
  envFile?: string;
  /** Where the code comes from; it lies in the folder itself when absent. */
  code?: Code;
  /** Variables that Argo must not see, as it would take them for tags. */
  hidden: Record<string, string>;
  hasSetup: boolean;
}

/**
 * What a pod runs: it makes the environment, once for all pods, and then its task. The name of the
 * task comes in a variable, so that nothing of it is taken for code.
 */
export function taskScript(options: ScriptOptions): string {
  const { force } = options;
  const run = `exec ploomber task "$TASK" ${ploomberArguments(options)}${force ? ' --force' : ''}`;
  return [
    ...preparation(options),
    // Ploomber calls it an error to be asked for a task that is up to date.
    ...(force
      ? []
      : [`if ${ask(options, UP_TO_DATE)} "$TASK"; then`, '  echo "$TASK is up to date"', '  exit 0', 'fi']),
    run,
    '',
  ].join('\n');
}

/** What a pod runs that only tells which tasks are outdated, in lines of JSON after `mark`. */
export function statusScript(options: ScriptOptions, mark: string): string {
  return [...preparation(options), `exec ${ask(options, OUTDATED)} ${quoteWord(mark)}`, ''].join('\n');
}

/** Puts the code and the environment where all pods find them, and goes there. */
function preparation(options: ScriptOptions): string[] {
  const { folder, hidden, code } = options;
  return [
    'set -euo pipefail',
    ...Object.entries(hidden).map(([name, value]) => `export ${name}=${quoteWord(value)}`),
    // Nobody is told what a pipeline does.
    'export PLOOMBER_STATS_ENABLED=false',
    ...(options.envFile === undefined ? [] : [`export PLOOMBER_ENV_FILENAME=${quoteWord(options.envFile)}`]),
    // The last letter keeps line ends.
    `case "\${TASK:-}" in base64:*) TASK=$(printf %s "\${TASK#base64:}" | base64 -d; printf x); TASK=\${TASK%x} ;; esac`,
    `cd ${quoteWord(folder)}`,
    ...(code === undefined ? [] : codeLines(code)),
    ...environmentLines(options),
    'export PATH="$environment/bin:$PATH"',
  ];
}

/** The first pod makes the environment, the others wait for it. */
function environmentLines({ environment, hasSetup, code }: ScriptOptions): string[] {
  // A project that is installed is so from the folder of its version.
  const own = hasSetup && code !== undefined ? `-${code.version}` : '';
  const baked =
    code?.from === 'image' ? [`[ ! -d ${IMAGE_ENVIRONMENT} ] || environment=${IMAGE_ENVIRONMENT}`] : [];
  return [
    `environment="${code === undefined ? '$PWD' : '$disk'}/.datamill/environments/${environment.digest}${own}"`,
    ...baked,
    'mkdir -p "$(dirname "$environment")"',
    '# The first pod makes the environment, the others wait for it.',
    'exec 9>"$environment.lock"',
    'flock 9',
    'if [ ! -e "$environment/.complete" ]; then',
    ...environmentMaking({ environment, hasSetup }).map((line) => `  ${line}`),
    'fi',
    'exec 9>&-',
  ];
}

/** Makes the environment in the folder that $environment names, out of the project that is here. */
export function environmentMaking({
  environment,
  hasSetup,
}: Pick<ScriptOptions, 'environment' | 'hasSetup'>): string[] {
  return [
    'rm -rf "$environment"',
    'if command -v conda >/dev/null; then',
    `  conda env create --quiet --prefix "$environment" --file ${quoteWord(environment.file)}`,
    'else',
    ...withoutConda(environment),
    'fi',
    '"$environment/bin/python" -c "import ploomber" 2>/dev/null || "$environment/bin/python" -m pip install --quiet ploomber',
    ...(hasSetup ? ['"$environment/bin/python" -m pip install --quiet --editable .'] : []),
    'touch "$environment/.complete"',
  ];
}

function ploomberArguments({ entry, args, values }: ScriptOptions): string {
  return [
    '--entry-point',
    quoteWord(entry),
    ...Object.entries(values).flatMap(([key, value]) => [
      quoteWord(`--env--${key.replaceAll('.', '--')}`),
      quoteWord(value),
    ]),
    ...(args === undefined ? [] : words(args)),
  ].join(' ');
}

/** Python that reads the project as Ploomber's own commands do; its last word is an argument of the program. */
function ask(options: ScriptOptions, program: string): string {
  return `python -c ${quoteWord(program)} ${ploomberArguments({ ...options, args: undefined })}`;
}

const READ = `import json, sys
from ploomber.cli.parsers import CustomParser
from ploomber.constants import TaskStatus
last = sys.argv.pop()
parser = CustomParser(prog="ploomber status")
with parser:
    pass
dag, _ = parser.load_from_entry_point_arg()
dag.render()
`;

const UP_TO_DATE = `${READ}sys.exit(dag[last].exec_status != TaskStatus.Skipped)`;

const OUTDATED = `${READ}print(last)
for name in dag:
    if dag[name].exec_status != TaskStatus.Skipped:
        print(json.dumps(name))
print(last)`;

/** Images without conda can still have what pip installs. */
function withoutConda({ pip, conda }: CondaEnvironment): string[] {
  if (conda.length > 0)
    return [
      `  echo ${quoteWord(`this image has no conda, which ${conda.slice(0, 5).join(', ')} need`)} >&2`,
      '  exit 3',
    ];
  const install =
    pip.length === 0
      ? []
      : [`  "$environment/bin/python" -m pip install --quiet ${pip.map(quoteWord).join(' ')}`];
  return ['  python3 -m venv --system-site-packages "$environment"', ...install];
}

/** Arguments as they stand in soopervisor.yaml: words between blanks, quotes kept together. */
function words(text: string): string[] {
  const found = text.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return found.map((word) => quoteWord(word.replace(/^(["'])([\s\S]*)\1$/, '$2')));
}
