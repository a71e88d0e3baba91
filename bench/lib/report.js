// The published table: docs/benchmarks.md, between markers.
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { run } from './measure.js';
import { HELMFILE_VERSION } from './tools.js';

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

/** The same of the testbed. */
export function podFacts() {
  return `${aloneFacts()}; the testbed: one node of Kubernetes v1.35.4 on the same machine, containerd`;
}

/** The same for what needs no cluster. */
export function aloneFacts() {
  return [
    `${availableParallelism()} cores, ${Math.round(totalmem() / 1024 ** 3)} GB of memory, ${process.platform} ${process.arch}`,
    `load average ${loadavg()[0].toFixed(1)} at the end`,
    `Node ${process.version}`,
  ].join('; ');
}

/**
 * Writes a table into the document.
 *
 * @param by which of its tables: the marker is `<!-- begin: written by BY -->`.
 */
export async function publish(file, by, rows, facts, rounds) {
  const text = await readFile(file, 'utf8');
  const begin = `<!-- begin: written by \`${by}\` -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(END, from);
  if (from < 0 || to < from) throw new Error(`${file} lacks the markers of ${by}`);
  const measured = [
    table(rows),
    `Medians of ${rounds} interleaved runs (\`--help\`: of 20), ${new Date().toISOString().slice(0, 10)}. ${facts}.`,
  ];
  await writeFile(file, `${text.slice(0, from)}${begin}\n\n${measured.join('\n\n')}\n\n${text.slice(to)}`);
}
