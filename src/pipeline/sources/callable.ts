import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configError, type Location } from '../../errors.ts';
import { locateIn, problemIn, readSource, shown } from '../files.ts';
import { isFile } from '../place.ts';
import { findDefinition, readStatements, upstreamUses } from '../python/index.ts';
import type { Statement } from '../python/statements.ts';
import type { Found, SourceQuery } from './types.ts';

const HOW =
  'write it as upstream["name"]; or set meta.extract_upstream: false and list `upstream:` in the pipeline file';

/** Modules that were read: tasks often share one. */
export type ModuleCache = Map<string, { statements: Statement[]; place: (offset: number) => Location }>;

/**
 * Finds the function of a dotted path in the files of the project, and the tasks that it asks for.
 *
 * @throws {DatamillError} FUNCTION_*, SOURCE_*, PYTHON_SYNTAX, UPSTREAM_NOT_CONSTANT (exit 2).
 */
export function readCallable(query: SourceQuery, modules: ModuleCache): Found {
  const { file: dotted, root, at } = query;
  if (query.product)
    throw configError('PRODUCT_MISSING', `the function ${dotted} cannot state its product`, {
      at: at(),
      hint: 'set meta.extract_product: false and state `product:` in the pipeline file',
    });
  const parts = dotted.split('.');
  if (parts.length < 2 || parts.includes(''))
    throw configError('SOURCE_UNKNOWN', `"${dotted}" is no dotted path of a function`, {
      at: at(),
      hint: 'write module.function',
    });
  const file = findModule(parts, query);
  const { statements, place } = moduleOf(file, root, at, modules);
  const name = parts.at(-1)!;
  const definition = findDefinition(statements, name);
  if (definition?.kind !== 'function') throw noFunction(dotted, name, file, definition, query, place);
  return { file, uses: query.upstream ? usesOf(definition.statements, place) : [] };
}

function usesOf(statements: Statement[], place: (offset: number) => Location): Found['uses'] {
  const uses = upstreamUses(statements);
  const dynamic = uses.find(({ name }) => name === undefined);
  if (dynamic !== undefined)
    throw configError(
      'UPSTREAM_NOT_CONSTANT',
      'which task is meant here is known only when the function runs',
      {
        at: place(dynamic.offset),
        hint: HOW,
      },
    );
  return uses.map(({ name, offset }) => ({ name: name!, at: () => place(offset) }));
}

function moduleOf(file: string, root: string, at: () => Location, modules: ModuleCache) {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const text = readSource(file, root, at);
  const place = locateIn(text, file);
  const read = { statements: readStatements(text, problemIn('PYTHON_SYNTAX', place)), place };
  modules.set(file, read);
  return read;
}

function findModule(parts: string[], { file: dotted, modules, root, at }: SourceQuery): string {
  const first = parts[0]!;
  const fail = (message: string, hint?: string) =>
    configError('FUNCTION_MISSING', message, { at: at(), hint });
  const origin = modules
    .flatMap((folder) => [join(folder, first, '__init__.py'), join(folder, `${first}.py`)])
    .find(isFile);
  if (origin === undefined) {
    const namespace = modules.map((folder) => join(folder, first)).find((folder) => existsSync(folder));
    if (namespace !== undefined)
      throw fail(
        `${shown(namespace, root)} is no package, so ${dotted} cannot be found`,
        `add an empty ${shown(namespace, root)}/__init__.py`,
      );
    throw fail(
      `there is no module ${first} in the project, where ${dotted} is looked for`,
      `add ${first}.py beside the pipeline file, or correct the source`,
    );
  }
  if (parts.length === 2) return origin;
  const base = join(dirname(origin), ...parts.slice(1, -2), parts.at(-2)!);
  const file = [join(base, '__init__.py'), `${base}.py`].find(isFile);
  if (file === undefined)
    throw fail(
      `there is no module ${parts.slice(0, -1).join('.')}`,
      `it would be ${shown(`${base}.py`, root)}`,
    );
  return file;
}

function noFunction(
  dotted: string,
  name: string,
  file: string,
  definition: ReturnType<typeof findDefinition>,
  { root, at }: SourceQuery,
  place: (offset: number) => Location,
) {
  const where = shown(file, root);
  if (definition === undefined)
    return configError('FUNCTION_MISSING', `${where} defines no function ${name}`, {
      at: at(),
      hint: `correct the source ${dotted}`,
    });
  if (definition.kind === 'import')
    return configError('FUNCTION_IMPORTED', `${name} is only imported here`, {
      at: place(definition.offset),
      hint: `name the module that defines it in the pipeline file, instead of ${dotted}`,
    });
  return configError('FUNCTION_MISSING', `${name} is defined here, but not by "def"`, {
    at: place(definition.offset),
    hint: `write it as a function: def ${name}(product, upstream): ...`,
  });
}
