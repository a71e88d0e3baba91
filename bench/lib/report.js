// The published table: docs/benchmarks.md, between markers.
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { run } from './measure.js';
import { HELMFILE_VERSION } from './tools.js';

const BEGIN = '<!-- begin: written by `npm run bench` -->';
const END = '<!-- end -->';

export function isMet({ ours, peers, limit }) {
  return limit === undefined || (peers === undefined ? ours : ours / peers) <= limit;
}

/** Markdown of all rows. */
export function table(rows) {
  const lines = rows.map((row) => {
    const { what, ours, peer, peers, unit, limit } = row;
    const ratio = peers === undefined ? '' : (ours / peers).toFixed(2);
    const target = limit === undefined ? '' : `at most ${limit}${peers === undefined ? ` ${unit}` : ''}`;
    const met = limit === undefined ? '' : isMet(row) ? 'yes' : '**no**';
    const other = peers === undefined ? '' : `${peer}: ${number(peers, unit)}`;
    return `| ${[what, number(ours, unit), other, ratio, target, met].join(' | ')} |`;
  });
  return [
    '| what | ours | peer | ratio | target | met |',
    '| --- | --: | --- | --: | --- | --- |',
    ...lines,
  ].join('\n');
}

function number(value, unit) {
  return unit === 's' ? `${value.toFixed(value < 0.1 ? 3 : 2)} s` : `${Math.round(value)} ${unit}`;
}

/** On what it was measured; nothing that names the machine. */
export async function machine({ helm }, kubernetes) {
  const { stdout } = await run(helm, ['version', '--template', '{{.Version}}']);
  return [
    `${availableParallelism()} cores, ${Math.round(totalmem() / 1024 ** 3)} GB of memory, ${process.platform} ${process.arch}`,
    `load average ${loadavg()[0].toFixed(1)} at the end`,
    `Node ${process.version}`,
    `Kubernetes ${kubernetes} (rehearsal: pods are simulated, the control plane is real)`,
    `helm ${stdout.trim()}`,
    `helmfile v${HELMFILE_VERSION}`,
  ].join('; ');
}

export async function publish(file, rows, facts, rounds) {
  const text = await readFile(file, 'utf8');
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${file} lacks the markers`);
  const measured = [
    table(rows),
    `Medians of ${rounds} interleaved runs (\`--help\`: of 20), ${new Date().toISOString().slice(0, 10)}. ${facts}.`,
  ];
  await writeFile(file, `${text.slice(0, from)}${BEGIN}\n\n${measured.join('\n\n')}\n\n${text.slice(to)}`);
}
