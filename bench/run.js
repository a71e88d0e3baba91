// `npm run bench`: measures data-mill beside helmfile and bare helm, on one cluster in one run.
//
//   --only SECTION,…  first, second, growth, help, resolve, port-forward, pipeline; then only printed
//   --publish         writes the table of docs/benchmarks.md all the same
//   --rounds N        runs of each contestant, default 5
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { alone } from './lib/alone.js';
import { openCluster } from './lib/cluster.js';
import { contestants } from './lib/contestants.js';
import { onPods } from './lib/on-pods.js';
import { aloneFacts, isMet, machine, podFacts, publish, table } from './lib/report.js';
import { sections } from './lib/sections.js';
import { tools } from './lib/tools.js';

const DOCUMENT = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
const ALL = [...Object.keys(sections), ...Object.keys(onPods), ...Object.keys(alone)];

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    publish: { type: 'boolean', default: false },
  },
});
const wanted = values.only?.split(',') ?? ALL;
const rounds = Number(values.rounds);
const unknown = wanted.find((name) => !ALL.includes(name));
if (unknown !== undefined || !(rounds >= 1)) {
  process.stderr.write(`usage: npm run bench -- [--only ${ALL.join(',')}] [--rounds N]\n`);
  process.exit(2);
}
process.exitCode = await main();

async function main() {
  const met = [];
  if (wanted.some((name) => name in sections)) met.push(await onRehearsal());
  if (wanted.some((name) => name in onPods)) met.push(await onTestbed());
  if (wanted.some((name) => name in alone)) met.push(await withoutCluster());
  return met.every(Boolean) ? 0 : 1;
}

async function onRehearsal() {
  const programs = await tools();
  say('starting a rehearsal cluster');
  const cluster = await openCluster(programs);
  const close = async () => {
    say('removing the cluster');
    await cluster.close();
  };
  const interrupted = () => void close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const rows = await measure(cluster, programs);
    const facts = await machine(programs, cluster.kubernetes);
    return await tell(rows, facts, 'npm run bench');
  } finally {
    await close();
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

async function onTestbed() {
  const rows = [];
  for (const name of Object.keys(onPods).filter((section) => wanted.includes(section))) {
    say(`measuring: ${name}`);
    rows.push(...(await onPods[name]({ rounds })));
  }
  return await tell(rows, podFacts(), 'npm run bench, on pods');
}

async function withoutCluster() {
  const rows = [];
  for (const name of Object.keys(alone).filter((section) => wanted.includes(section))) {
    say(`measuring: ${name}`);
    rows.push(...(await alone[name]({ rounds })));
  }
  return await tell(rows, aloneFacts(), 'npm run bench, without a cluster');
}

/** Prints a table, and writes it into the document when all of it was measured or that is asked for. */
async function tell(rows, facts, marker) {
  process.stdout.write(`${table(rows)}\n${facts}\n`);
  if (values.only === undefined || values.publish) await publish(DOCUMENT, marker, rows, facts, rounds);
  return rows.every(isMet);
}

async function measure(cluster, programs) {
  const players = await contestants(cluster, programs);
  const rows = [];
  for (const name of Object.keys(sections).filter((section) => wanted.includes(section))) {
    say(`measuring: ${name}`);
    rows.push(...(await sections[name]({ cluster, players, rounds, folder: cluster.folder })));
  }
  return rows;
}

function say(message) {
  process.stderr.write(`${message}\n`);
}
