import type { FailureEvent } from '../actions/events.ts';
import type { Failure } from '../actions/failure.ts';
import { exitCodeOf } from '../actions/run.ts';
import { type UpResult, up } from '../actions/up.ts';
import { printError } from '../ui/error.ts';
import { renderFailedChecks } from '../ui/checks.ts';
import { renderFailures } from '../ui/failures.ts';
import { renderSummary } from '../ui/summary.ts';
import { orInterrupted } from './interrupted.ts';
import { run as plan } from './plan.ts';
import { detectReal } from './real.ts';
import { actionOptions, type CommandOptions, sameFlags } from './runtime.ts';

/** `datamill up` */
export async function run(options: CommandOptions): Promise<number> {
  if (options.dryRun) return await plan(options);
  const { io } = options;
  const report = io.progress();
  const work = up({
    ...actionOptions(options, report),
    concurrency: options.concurrency,
    waitLock: options.waitLock,
    adopt: options.adopt === true,
    prune: options.prune === true,
    check: options.check !== false,
    data: options.data !== false,
    force: options.force === true,
  });
  const result = await orInterrupted(io, report, work);
  if (io.output === 'json') for (const failure of result.failures) report(failureEvent(failure));
  report(result.summary);
  if (io.output !== 'json') await io.print(await finalReport(result, options));
  if (result.error !== undefined) printError(result.error, { output: io.output, verbose: io.verbose });
  return result.error?.exitCode ?? exitCodeOf(result.summary);
}

function failureEvent({ findings, ...failure }: Failure): FailureEvent {
  const said = findings.map(({ object, container, severity, reason, message }) => ({
    object,
    container,
    severity,
    reason,
    message,
  }));
  return { type: 'failure', ...failure, findings: said };
}

async function finalReport(result: UpResult, options: CommandOptions): Promise<string> {
  const { io } = options;
  const components = result.components.map(({ component, outcome, message, seconds }) => ({
    name: component.name,
    state: outcome,
    release: component.release,
    namespace: component.namespace,
    seconds,
    message: outcome === 'failed' || outcome === 'skipped' ? message : undefined,
  }));
  const removed = result.removed.map((name) => ({
    name,
    state: 'removed',
    release: '',
    namespace: result.namespace,
  }));
  const links = result.components
    .filter(({ outcome }) => outcome !== 'failed' && outcome !== 'skipped')
    .flatMap(({ component }) =>
      Object.entries(component.links).map(([name, link]) => ({
        component: component.name,
        name,
        url: `${link.scheme}://${link.service}.${component.namespace}.svc:${link.port}${link.path}`,
      })),
    );
  const summary = renderSummary(
    {
      components: [...components, ...removed],
      links,
      result: result.summary,
      simulated: result.target.simulated,
      next: await nextCommands(result, options),
    },
    { color: io.color, width: process.stdout.columns },
  );
  return `${renderFailures(result.failures, io.style)}${renderFailedChecks(result.checks ?? [], io.style)}${summary}`;
}

async function nextCommands(result: UpResult, options: CommandOptions) {
  const flags = sameFlags(options);
  const next = [];
  if (result.summary.result !== 'ok')
    next.push({ command: `datamill up${flags}`, about: 'try again: what is done is not done twice' });
  const failed = (result.checks ?? []).filter((one) => one.result === 'failed');
  for (const component of new Set(failed.map((one) => one.component)))
    next.push({ command: `datamill check${flags} -c ${component}`, about: 'check it again' });
  next.push({ command: `datamill status${flags}`, about: 'how the components are' });
  if (result.leftover.length > 0)
    next.push({
      command: `datamill up${flags} --prune`,
      about: `remove ${result.leftover.join(', ')}, no longer in the flavour`,
    });
  next.push({
    command: `export KUBECONFIG=$(datamill kubeconfig --path${flags})`,
    about: 'use kubectl and helm on it',
  });
  if (result.target.simulated) {
    const real = await detectReal();
    const sameFlavour = (options.flavour ?? []).map((file) => ` -f ${file}`).join('');
    next.push({
      command: `datamill up${sameFlavour} ${real.flags}`,
      about: `the same for real: ${real.about}`,
    });
  } else next.push({ command: `datamill down${flags}`, about: 'take it away; data stays' });
  return next;
}
