import { basename, delimiter, dirname, relative } from 'node:path';

/** How this program was called, so that the commands that we suggest can be pasted. */
export function programName(
  argv: readonly string[] = process.argv,
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = process.cwd(),
): string {
  if (env.npm_command === 'exec') return 'npx datamill';
  const script = argv[1] ?? 'datamill';
  if ((env.PATH ?? '').split(delimiter).includes(dirname(script))) return 'datamill';
  const path = relative(cwd, script);
  const shown = path.startsWith('..') ? script : path;
  if (basename(script) === 'cli.js') return `node ${shown}`;
  return shown.includes('/') ? shown : `./${shown}`;
}

const COMMANDS =
  /(?<![\w-])(?<!npx |\.\/|\/)datamill (?=(doctor|check|logs|debug|data|up|down|plan|status|render|history|rollback|secrets|start|stop|destroy|kubeconfig|config|validate|components|flavours|tools|tunnel|dev)\b)/g;

let called = 'datamill';

/** From now on suggested commands begin with this; the command line says it once. */
export function callProgram(name: string): void {
  called = name;
}

/** Writes the commands in a text the way in which this program was called. */
export function nameCommands(text: string): string {
  return called === 'datamill' ? text : text.replaceAll(COMMANDS, `${called} `);
}
