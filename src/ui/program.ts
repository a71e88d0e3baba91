import { basename } from 'node:path';

/** How this program was called, so that the commands that we suggest can be pasted. */
export function programName(
  argv: readonly string[] = process.argv,
  env: NodeJS.ProcessEnv = process.env,
): string {
  if (env.npm_command === 'exec') return 'npx datamill';
  const script = argv[1] ?? '';
  return basename(script) === 'cli.js'
    ? `node ${script.startsWith(process.cwd()) ? script.slice(process.cwd().length + 1) : script}`
    : 'datamill';
}

const COMMANDS =
  /(?<![\w-])(?<!npx )datamill (?=(up|down|plan|status|render|history|rollback|start|stop|destroy|kubeconfig|config|validate|components|flavours|tools)\b)/g;

/** Writes the commands in a text the way in which this program was called. */
export function nameCommands(text: string, name: string = programName()): string {
  return name === 'datamill' ? text : text.replaceAll(COMMANDS, `${name} `);
}
