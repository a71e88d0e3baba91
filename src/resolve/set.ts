import { type Path, parseYaml } from '../config/document.ts';
import { isTree, type Tree } from '../config/merge.ts';
import { configError, errorMessage } from '../errors.ts';

/** Splits `minio.values.a\.b` at its unescaped dots. */
export function splitPath(text: string): string[] {
  return text.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'));
}

/**
 * Turns `--set a.b=value` flags into one tree; values are YAML.
 *
 * @throws {DatamillError} SET_SYNTAX (exit 2).
 */
export function parseSet(flags: readonly string[]): Tree {
  const tree: Tree = {};
  for (const flag of flags) {
    const equals = flag.indexOf('=');
    const path = equals < 0 ? [] : splitPath(flag.slice(0, equals));
    if (path.length === 0 || path.some((part) => part === '' || part === '__proto__')) {
      throw configError('SET_SYNTAX', `--set ${flag}: expected KEY.KEY=VALUE`, {
        hint: 'for example --set minio.storage_class=fast',
      });
    }
    put(tree, path, yamlValue(flag.slice(equals + 1), flag));
  }
  return tree;
}

function yamlValue(text: string, flag: string): unknown {
  try {
    return parseYaml(text, '--set').data;
  } catch (cause) {
    const detail = errorMessage(cause).split('\n')[0];
    throw configError('SET_SYNTAX', `--set ${flag}: ${detail}`, {
      cause,
      hint: 'quote the value twice: --set \'a.b="text: with colon"\'',
    });
  }
}

function put(tree: Tree, path: Path, value: unknown): void {
  let current = tree;
  for (const key of path.slice(0, -1)) {
    if (!isTree(current[key])) current[key] = {};
    current = current[key] as Tree;
  }
  current[path.at(-1)!] = value;
}
