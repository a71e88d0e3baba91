// What is measured. Each section returns rows: what, ours, peer (both numbers), unit, target.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freshNamespace, MANY, RELEASES } from './cluster.js';
import { dataPush } from './data.js';
import { writeFlavour, writeLargeFlavour } from './generate.js';
import { cpu, interleaved, median, peakMemory, run } from './measure.js';
import { DATAMILL } from './tools.js';

const FEW = 10;
const HELP_RUNS = 20;

/** First `up` of everybody into empty namespaces. */
async function first({ cluster, players, rounds }) {
  const run =
    ({ namespace, up }) =>
    async () => {
      await freshNamespace(cluster, namespace);
      return await up();
    };
  const { ours, helmfile, helm } = await medians(rounds, {
    ours: run(players.ours),
    helmfile: run(players.helmfile),
    helm: run(players.helm),
  });
  const what = `first \`up\`, ${RELEASES} releases`;
  return [
    row(what, ours, 'helmfile sync', helmfile, 0.7),
    row(what, ours, 'helm, four at a time', helm, 1.3),
  ];
}

/** Everything again with nothing changed; needs what `first` left. */
async function second({ players, rounds }) {
  const { ours, plan, planChanged, helmfile, helm } = await medians(rounds, {
    ours: players.ours.up,
    plan: players.ours.plan,
    planChanged: players.ours.planChanged,
    helmfile: players.helmfile.up,
    helm: players.helm.up,
  });
  const peer = 'helmfile sync, unchanged';
  return [
    row(`second \`up\`, nothing changed, ${RELEASES} releases`, ours, peer, helmfile, 0.1),
    row('the same', ours, 'helm, four at a time, unchanged', helm, undefined),
    row('`plan` with drift check, nothing changed', plan, peer, helmfile, 0.15),
    row(`\`plan\`, all ${RELEASES} changed`, planChanged, peer, helmfile, 0.8),
  ];
}

/** How a second `up` grows with the number of releases. */
async function growth({ cluster, rounds }) {
  const flavour = async (count) => {
    const namespace = `of-${count}`;
    const message = 'one';
    const file = await writeFlavour(cluster.folder, `${namespace}.yaml`, { count, namespace, message });
    await cluster.datamill('up', file);
    return async () => (await cluster.datamill('up', file)).seconds;
  };
  const { few, many } = await medians(rounds, { few: await flavour(FEW), many: await flavour(MANY) });
  return [row(`second \`up\`, ${MANY} releases`, many, `${FEW} releases`, few, 3)];
}

/** CPU time of saying what the commands are. */
async function help() {
  const { ours, node } = await medians(HELP_RUNS, {
    ours: () => cpu(process.execPath, [DATAMILL, '--help']),
    node: () => cpu(process.execPath, ['-e', '0']),
  });
  return [row('`datamill --help`, CPU', ours, 'node -e 0', node, 1.6)];
}

/** Resolving flavours: no cluster takes part. */
async function resolve({ folder, rounds }) {
  const rows = [];
  for (const { count, seconds } of [
    { count: 40, seconds: 0.25 },
    { count: 1000, seconds: 1.5 },
  ]) {
    const place = join(folder, `large-${count}`);
    await mkdir(place, { recursive: true });
    const args = [DATAMILL, 'config', '-f', await writeLargeFlavour(place, count), '--output', 'json'];
    const { ours } = await medians(rounds, { ours: async () => (await run(process.execPath, args)).seconds });
    rows.push({ what: `resolving ${count} components`, ours, unit: 's', limit: seconds });
    if (count < 1000) continue;
    const memory = await peakMemory(args, { report: join(folder, 'usage.json') });
    rows.push({ what: `resolving ${count} components, peak memory`, ours: memory, unit: 'MB', limit: 300 });
  }
  return rows;
}

async function medians(rounds, runs) {
  const results = await interleaved(rounds, runs);
  return Object.fromEntries(Object.entries(results).map(([name, numbers]) => [name, median(numbers)]));
}

/** @param limit most that ours divided by the peer's may be; undefined: shown for information. */
function row(what, ours, peer, peers, limit) {
  return { what, ours, peer, peers, unit: 's', limit };
}

/** In the order of their names here; those without a cluster at work come last. */
export const sections = { first, second, growth, help, resolve, 'data-push': dataPush };
