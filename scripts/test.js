// Runs everything that shows that the project works, and ends with one line over all suites:
// `N passed, N failed, N skipped`. Suites that this machine cannot run are skipped by name.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** CI gives up on us at 90 minutes: everything ends before that, in good order. */
const deadline = Date.now() + Number(process.env.DATAMILL_TEST_MINUTES ?? 80) * 60_000;
const total = { passed: 0, failed: 0, skipped: 0 };
const named = [];

function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    const timer = setTimeout(() => child.kill('SIGTERM'), Math.max(0, deadline - started));
    child.on('error', () => resolve(127));
    child.on('exit', (code) => {
      clearTimeout(timer);
      console.log(
        `-- ${[command, ...args].join(' ')}: exit ${code ?? 'by signal'} after ${Math.round((Date.now() - started) / 1000)} s`,
      );
      resolve(code ?? 1);
    });
  });
}

function count(name, result) {
  total[result]++;
  if (result !== 'passed') named.push(`${result}: ${name}`);
}

async function check(name, command, args) {
  count(name, (await run(command, args)) === 0 ? 'passed' : 'failed');
}

/** Runs one vitest project; a suite that dies without a report counts as one failure. */
async function suite(project) {
  const folder = await mkdtemp(join(tmpdir(), 'datamill-test-'));
  const report = join(folder, 'report.json');
  try {
    const code = await run('npx', [
      'vitest',
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]);
    const { testResults } = JSON.parse(await readFile(report, 'utf8'));
    const before = total.failed;
    for (const file of testResults) {
      const name = file.name.replace(`${process.cwd()}/`, '');
      if (file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'))
        count(name, 'failed');
      for (const { fullName, status } of file.assertionResults) {
        count(
          `${name} > ${fullName}`,
          status === 'passed' ? 'passed' : status === 'failed' ? 'failed' : 'skipped',
        );
      }
    }
    if (code !== 0 && total.failed === before) count(`the suite ${project} ended with ${code}`, 'failed');
  } catch (error) {
    count(`the suite ${project} left no report: ${error.message}`, 'failed');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function skipSuite(project, reason) {
  console.log(`-- the suite ${project} is skipped: ${reason}`);
  count(`the suite ${project}: ${reason}`, 'skipped');
}

await check('build', 'npm', ['run', 'build', '--silent']);
await check('lint', 'npm', ['run', 'lint', '--silent']);
await check('format', 'npm', ['run', 'format:check', '--silent']);
await check('types', 'npm', ['run', 'typecheck', '--silent']);
await check('dead code', 'npm', ['run', 'knip', '--silent']);
// Built or downloaded once, then cached; what needs them cannot run without.
const tools = (await run('node', ['dist/cli.js', 'tools', 'install'])) === 0;
await suite('unit');
// Makes a Python environment first, once; its tests skip themselves where that cannot be had.
if (deadline - Date.now() < 10 * 60_000) skipSuite('oracle', 'it needs 10 minutes, and less is left');
else await suite('oracle');
/** The suites that need Kubernetes, with the minutes that each needs on a machine with empty caches. */
for (const [project, minutes] of [
  ['control-plane', 18],
  ['e2e', 30],
]) {
  if (!tools) skipSuite(project, 'the Kubernetes tools cannot be had on this machine');
  else if (deadline - Date.now() < minutes * 60_000)
    skipSuite(project, `it needs ${minutes} minutes, and less is left`);
  else await suite(project);
}
// Last, because minikube takes long to build: what the suites above need comes first.
if (deadline - Date.now() < 15 * 60_000) skipSuite('real-tools', 'it needs 15 minutes, and less is left');
else await suite('real-tools');

for (const line of named) console.log(line);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
