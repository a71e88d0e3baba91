// Ploomber projects: graph and export beside Ploomber and Soopervisor, and how both grow.
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleaved, median, peakMemory, run } from './measure.js';
import { DATAMILL } from './tools.js';

const REQUIREMENTS = fileURLToPath(new URL('../../test/oracle/requirements.txt', import.meta.url));
const GRAPH = `
from ploomber.spec import DAGSpec
dag = DAGSpec("pipeline.yaml", lazy_import=True).to_dag()
print({name: sorted(dag[name].upstream) for name in dag._iter()})
`;

/** Graph and export of 20 tasks against the peers; 5000 tasks alone. */
export async function pipeline({ rounds }) {
  const folder = await mkdtemp(join(tmpdir(), 'datamill-bench-pipeline-'));
  try {
    return [...(await beside(folder, rounds)), ...(await large(folder, rounds))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function beside(folder, rounds) {
  const cwd = await project(join(folder, 'small'), { layers: 10, width: 2 });
  const python = await peers();
  const ours =
    (...args) =>
    async () =>
      (await run(process.execPath, [DATAMILL, 'pipeline', ...args], { cwd })).seconds;
  const soopervisor = join(dirname(python), 'soopervisor');
  const flags = ['--skip-tests', '--skip-docker', '--ignore-git', '--lazy', '--mode', 'force'];
  const results = await interleaved(rounds, {
    graph: ours('graph', '--output', 'json'),
    ploomber: async () => (await run(python, ['-c', GRAPH], { cwd })).seconds,
    exported: ours('export'),
    soopervisor: async () => (await run(soopervisor, ['export', 'train', ...flags], { cwd })).seconds,
  });
  const of = (name) => median(results[name]);
  const row = (what, own, peer, peers) => [
    { what, ours: of(own), peer, peers: of(peers), unit: 's', limit: 0.1 },
    { what, ours: of(own), unit: 's', limit: 0.4 },
  ];
  return [
    ...row('`pipeline graph`, 20 tasks', 'graph', 'Ploomber 0.23.3, to_dag', 'ploomber'),
    ...row('`pipeline export`, 20 tasks', 'exported', 'Soopervisor 0.9.3 export', 'soopervisor'),
  ];
}

async function large(folder, rounds) {
  const cwd = await project(join(folder, 'large'), { layers: 50, width: 100 });
  const args = [DATAMILL, 'pipeline', 'export'];
  const results = await interleaved(rounds, {
    ours: async () => (await run(process.execPath, args, { cwd })).seconds,
  });
  const { stdout } = await run(process.execPath, [...args, '--output', 'json'], { cwd });
  const memory = await peakMemory(args, { cwd, report: join(folder, 'usage.json') });
  const what = '`pipeline export`, 5000 tasks';
  return [
    { what, ours: median(results.ours), unit: 's', limit: 2 },
    {
      what: `${what}, largest object`,
      ours: Math.max(...JSON.parse(stdout).bytes) / 1000,
      unit: 'kB',
      limit: 1000,
    },
    { what: `${what}, peak memory`, ours: memory, unit: 'MB', limit: 300 },
  ];
}

/** Layers of scripts, each of which needs two of the layer before. */
async function project(folder, { layers, width }) {
  await mkdir(join(folder, 'scripts'), { recursive: true });
  await mkdir(join(folder, 'train'));
  const name = (layer, at) => `task_${layer}_${at % width}`;
  const tasks = [];
  for (let layer = 0; layer < layers; layer++) {
    for (let at = 0; at < width; at++) {
      const upstream = layer === 0 ? 'None' : `["${name(layer - 1, at)}", "${name(layer - 1, at + 1)}"]`;
      const cell = `# %% tags=["parameters"]\nupstream = ${upstream}\nproduct = None\n# %%\n1\n`;
      await writeFile(join(folder, 'scripts', `${name(layer, at)}.py`), cell);
      tasks.push(`  - source: scripts/${name(layer, at)}.py\n    product: output/${name(layer, at)}.ipynb\n`);
    }
  }
  const files = {
    'pipeline.yaml': `tasks:\n${tasks.join('')}`,
    'environment.yml': 'name: bench\ndependencies: [python, pip]\n',
    'requirements.txt': 'ploomber\n',
    'requirements.lock.txt': 'ploomber\n',
    'soopervisor.yaml': 'train: {backend: argo-workflows, repository: null}\n',
  };
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return folder;
}

/** The Python of the oracle, made here where it is not there yet. */
async function peers() {
  if (process.env.DATAMILL_ORACLE_PYTHON !== undefined) return process.env.DATAMILL_ORACLE_PYTHON;
  const digest = createHash('sha256')
    .update(await readFile(REQUIREMENTS))
    .digest('hex')
    .slice(0, 16);
  const cache = process.env.XDG_CACHE_HOME?.startsWith('/')
    ? process.env.XDG_CACHE_HOME
    : join(homedir(), '.cache');
  const home = join(cache, 'datamill', 'oracle', digest);
  const python = join(home, 'bin', 'python');
  const done = join(home, '.complete');
  const there = await access(done).then(
    () => true,
    () => false,
  );
  if (there) return python;
  process.stderr.write('installing Ploomber and Soopervisor (once, some minutes)\n');
  await rm(home, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', home]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '-r', REQUIREMENTS]);
  await writeFile(done, '');
  return python;
}
