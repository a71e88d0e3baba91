import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { packageRoot } from '../../src/util/paths.ts';

/**
 * What each room (a folder of src/, or a file in it) may import, beside itself. `types` are rooms
 * of which only types may be imported. docs/architecture.md draws the same table.
 */
const rooms: Record<string, { uses: string[]; types?: string[] }> = {
  errors: { uses: [] },
  util: { uses: ['errors'] },
  config: { uses: ['errors', 'util'] },
  kube: { uses: ['errors', 'util'] },
  tools: { uses: ['errors', 'util'] },
  helm: { uses: ['kube', 'errors', 'util'], types: ['config'] },
  lake: { uses: ['kube', 'errors', 'util'] },
  check: { uses: ['amqp', 'lake', 'kube', 'errors', 'util'], types: ['config'] },
  amqp: { uses: ['errors', 'util'] },
  debug: { uses: ['kube', 'errors', 'util'] },
  ssh: { uses: ['errors', 'util'] },
  tunnel: { uses: ['ssh', 'kube', 'errors', 'util'] },
  runner: { uses: ['amqp', 'lake', 'kube', 'errors', 'util'] },
  node: { uses: ['config', 'kube', 'errors', 'util'] },
  catalogue: { uses: ['config', 'errors', 'util'] },
  pipeline: { uses: ['config', 'errors', 'util'] },
  secrets: { uses: ['config', 'errors', 'util'] },
  resolve: { uses: ['catalogue', 'config', 'errors', 'util'] },
  plan: { uses: ['helm', 'kube', 'errors', 'util'], types: ['resolve', 'catalogue'] },
  doctor: { uses: ['helm', 'kube', 'tools', 'errors', 'util'], types: ['plan', 'resolve', 'targets'] },
  targets: { uses: ['ssh', 'tools', 'kube', 'config', 'errors', 'util'] },
  actions: {
    uses: [
      'check',
      'debug',
      'tunnel',
      'node',
      'plan',
      'doctor',
      'targets',
      'lake',
      'pipeline',
      'runner',
      'resolve',
      'secrets',
      'catalogue',
      'config',
      'helm',
      'kube',
      'tools',
      'errors',
      'util',
    ],
  },
  ui: { uses: ['errors', 'util'], types: ['actions'] },
  commands: { uses: ['actions', 'ui', 'plan', 'tools', 'errors', 'util'], types: ['config'] },
  cli: { uses: ['commands', 'errors', 'util'] },
  index: { uses: ['actions', 'resolve', 'errors'] },
};

/** Packages that cost much to load: each has one door, a room or a file. */
const doors: Record<string, string> = {
  '@kubernetes/client-node': 'kube',
  'age-encryption': 'secrets',
  ws: 'kube/stream',
  'rabbitmq-client': 'amqp',
  ssh2: 'ssh',
  'socket.io': 'node/server',
  'socket.io-client': 'node/protocol/socket.ts',
  listr2: 'ui',
  execa: 'util/exec.ts',
  commander: 'cli',
  handlebars: 'config/template.ts',
};

interface Import {
  file: string;
  to: string;
  typeOnly: boolean;
  dynamic: boolean;
}

const src = join(packageRoot, 'src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
  .sort();
const text = (file: string) => readFileSync(join(src, file), 'utf8');
const imports = files.flatMap(importsOf);

/** Every import and re-export of a file; `import { type A, type B }` counts as one of types. */
function importsOf(file: string): Import[] {
  const code = text(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const clauses = [...code.matchAll(/^(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s+'([^']+)'/gm)];
  const bare = [...code.matchAll(/^import\s+'([^']+)'/gm)].map(
    ([, to]) => [undefined, undefined, '', to] as const,
  );
  const dynamic = [...code.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)];
  const typed = (clause: string) =>
    /^\{[\s\S]*\}$/.test(clause) &&
    clause
      .slice(1, -1)
      .split(',')
      .map((name) => name.trim())
      .every((name) => name === '' || name.startsWith('type '));
  return [
    ...[...clauses, ...bare].map(([, type, clause, to]) => ({
      file,
      to: to!,
      typeOnly: type !== undefined || typed(clause!),
      dynamic: false,
    })),
    ...dynamic.map(([, to]) => ({ file, to: to!, typeOnly: false, dynamic: true })),
  ];
}

function roomOf(file: string): string {
  return file.split('/')[0]!.replace(/\.ts$/, '');
}

function target({ file, to }: Import): string | undefined {
  return to.startsWith('.') ? relative(src, join(src, dirname(file), to)) : undefined;
}

describe('the rooms of src/', () => {
  it('are those of the table', () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual(Object.keys(rooms).sort());
    expect(imports.length).toBeGreaterThan(300);
  });

  it('import one way', () => {
    const wrong = imports.flatMap((one) => {
      const to = target(one);
      if (to === undefined) return [];
      const [from, room] = [roomOf(one.file), roomOf(to)];
      const { uses, types = [] } = rooms[from]!;
      const fine = from === room || uses.includes(room) || (types.includes(room) && one.typeOnly);
      return fine ? [] : [`${one.file} imports ${to}`];
    });

    expect(wrong).toEqual([]);
  });

  it('make no circle', () => {
    const depth = (room: string, path: string[] = []): number => {
      if (path.includes(room)) throw new Error(`circle: ${[...path, room].join(' -> ')}`);
      return 1 + Math.max(0, ...rooms[room]!.uses.map((other) => depth(other, [...path, room])));
    };

    for (const room of Object.keys(rooms)) expect(depth(room)).toBeGreaterThan(0);
  });

  it('hold no two files that import each other, types aside', () => {
    const edges = new Map<string, string[]>();
    for (const one of imports) {
      const to = target(one);
      if (to !== undefined && !one.typeOnly && !one.dynamic)
        edges.set(one.file, [...(edges.get(one.file) ?? []), to]);
    }
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: string[]) => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (done.has(file) || path.includes(file)) return;
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);

    expect(circles).toEqual([]);
  });

  it.each(Object.entries(doors))('have one door to %s', (name, door) => {
    const importers = [
      ...new Set(
        imports
          .filter(({ to, typeOnly }) => !typeOnly && (to === name || to.startsWith(`${name}/`)))
          .map(({ file }) => file),
      ),
    ];

    expect(importers.filter((file) => !file.startsWith(door))).toEqual([]);
    expect(importers).not.toEqual([]);
  });
});

describe('the files of src/', () => {
  it('have at most 300 lines', () => {
    expect(files.filter((file) => text(file).split('\n').length - 1 > 300)).toEqual([]);
  });

  it('import zod as a namespace, of which the bundle leaves out what is not used', () => {
    expect(files.filter((file) => /import (type )?\{.*\} from 'zod'/.test(text(file)))).toEqual([]);
  });

  it('print only through the printers', () => {
    expect(files.filter((file) => /\bconsole\./.test(text(file)))).toEqual([]);
    const writers = files.filter((file) => /process\.(stdout|stderr)\.write/.test(text(file)));
    expect(writers.filter((file) => !/^(commands|ui)\//.test(file))).toEqual([]);
  });

  it('leave the end of the process to the commands', () => {
    const enders = files.filter((file) => /process\.(exit\(|exitCode)/.test(text(file)));

    expect(enders.filter((file) => !file.startsWith('commands/') && roomOf(file) !== 'cli')).toEqual([]);
  });
});

interface Metafile {
  outputs: Record<
    string,
    { entryPoint?: string; inputs: Record<string, unknown>; imports: Array<{ path: string; kind: string }> }
  >;
}

describe('the bundle', () => {
  const { outputs } = JSON.parse(readFileSync(join(inject('program'), 'meta.json'), 'utf8')) as Metafile;

  /** The sources that are loaded with an output, before any `import()`. */
  function loaded(output: string, seen = new Set<string>()): string[] {
    if (seen.has(output)) return [];
    seen.add(output);
    const { inputs, imports: next } = outputs[output]!;
    const others = next.filter(({ kind, path }) => kind === 'import-statement' && path in outputs);
    return [...Object.keys(inputs), ...others.flatMap(({ path }) => loaded(path, seen))];
  }

  const entry = (file: string) => Object.keys(outputs).find((name) => outputs[name]!.entryPoint === file)!;
  const packages = (output: string) => [
    ...new Set(
      loaded(output).flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []),
    ),
  ];

  it('starts with commander and nothing else', () => {
    expect(packages(entry('src/cli.ts'))).toEqual(['commander']);
  });

  it.each(['config', 'catalogue', 'tools'])('does not load a client of the cluster for %s', (command) => {
    const heavy = packages(entry(`src/commands/${command}.ts`));

    for (const name of ['@kubernetes/client-node', 'ssh2', 'listr2']) expect(heavy).not.toContain(name);
  });
});
