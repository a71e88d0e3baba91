import { describe, expect } from 'vitest';
import { applyObjects, get, kubectl } from '../helpers/cluster.ts';
import { app, it, type Project } from '../helpers/project.ts';

const restricted = {
  podSecurityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
};
const simulate = (how: string) => ({ podAnnotations: { 'datamill.io/simulate': how } });

/** What is broken in each component, what its failure must say, and what the report must. */
const broken: Record<string, { values: Record<string, unknown>; says: RegExp; report: RegExp }> = {
  pull: {
    values: simulate('image-pull-error'),
    says: /Pod\/pull-.*registry\.example\/app:1\.0.*not found|Failed to pull image: not found/,
    report: /Pod\/pull-\S+ \(app\) +ImagePullBackOff/,
  },
  settings: {
    values: simulate('config-error'),
    says: /Pod\/settings-.*secret "simulated" not found/,
    report: /Pod\/settings-\S+ \(app\) +CreateContainerConfigError/,
  },
  crash: {
    values: simulate('crash-loop'),
    says: /Pod\/crash-.*container app exited with code 1, restarted 5 times/,
    report: /Pod\/crash-\S+ \(app\) +CrashLoopBackOff/,
  },
  huge: {
    values: { resources: { requests: { cpu: '5000' } } },
    says: /Pod\/huge-.*5000/,
    report: /Pod\/huge-\S+ +Unschedulable/,
  },
  disk: {
    values: { storage: { size: '1Gi', class: 'no-such-class' } },
    says: /no-such-class/,
    report: /PersistentVolumeClaim\/disk-data .*no-such-class/,
  },
  full: { values: {}, says: /exceeded quota/, report: /full\S* .*exceeded quota: none/ },
  unsafe: {
    values: {},
    says: /violates PodSecurity/,
    report: /unsafe\S* .*violates PodSecurity "restricted:latest"/,
  },
  migrate: {
    values: { hook: { 'datamill.io/simulate': 'crash-loop' } },
    says: /migrate-migrate/,
    report: /Pod\/migrate-migrate-\S+ \(migrate\) +CrashLoopBackOff/,
  },
};
const names = Object.keys(broken);
const timeout = 150;

async function write(project: Project, spaces: { full: string; unsafe: string }, mended: boolean) {
  const good: Record<string, Record<string, unknown>> = { unsafe: restricted, migrate: { hook: {} } };
  const components = Object.fromEntries(
    names.map((name) => [name, app({ values: mended ? (good[name] ?? {}) : broken[name]!.values })]),
  );
  const sections = Object.fromEntries(names.map((name) => [name, { setup_timeout: timeout }]));
  await project.flavour(
    {
      ...components,
      crash: { ...components.crash, provides: { crash: {} } },
      next: app({ needs: { crash: 'crash' }, provides: { next: {} } }),
      last: app({ needs: { next: 'next' } }),
      fine: app(),
    },
    {
      ...sections,
      full: { ...sections.full, namespace: spaces.full },
      unsafe: { ...sections.unsafe, namespace: spaces.unsafe },
    },
  );
}

describe('failures', () => {
  it('are told at once, with the reason, by the cluster itself, and mended by the next up', async ({
    project,
  }) => {
    const spaces = { full: project.another(), unsafe: project.another() };
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    const quota = { name: 'none', namespace: spaces.full };
    await applyObjects(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: spaces.full } },
      { apiVersion: 'v1', kind: 'ResourceQuota', metadata: quota, spec: { hard: { pods: '0' } } },
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: spaces.unsafe, labels } },
    );
    await write(project, spaces, false);

    // The preflight would refuse the first of them.
    const json = await project.run(['up', '--output', 'json', '--concurrency', '10', '--force']);
    expect(json.code).toBe(1);
    expect(json.seconds).toBeLessThan(timeout / 2);
    for (const name of names) {
      const failed = json.events.filter(({ component, state }) => component === name && state === 'failed');
      expect(failed, name).toHaveLength(1);
      expect(failed[0]!.message, name).toMatch(broken[name]!.says);
      const told = json.events.filter((event) => event.type === 'failure' && event.component === name);
      expect(told, name).toHaveLength(1);
      const lines = told[0]!.findings.map(
        ({ object, container, reason, message }: Record<string, string>) =>
          `${object}${container === undefined ? '' : ` (${container})`} ${reason} ${message}`,
      );
      expect(lines.join('\n'), name).toMatch(broken[name]!.report);
      expect(told[0]!.commands[0], name).toMatch(
        /^kubectl --kubeconfig \S+ --context \S+ -n \S+ describe \w+\//,
      );
    }
    const skipped = json.events.filter(({ state }) => state === 'skipped');
    expect(skipped.map(({ component, message }) => [component, message])).toEqual([
      ['next', 'crash is not ready'],
      ['last', 'next is not ready'],
    ]);
    expect(json.events.at(-1)).toMatchObject({
      type: 'summary',
      result: 'failed',
      installed: 1,
      failed: names.length,
      skipped: 2,
    });
    expect(await get(project.namespace, 'deployments', 'next')).toBeUndefined();
    const status = await project.run(['status', '--output', 'json']);
    const states = Object.fromEntries(
      status.json.components.map(({ name, state }: { name: string; state: string }) => [name, state]),
    );
    expect(states).toMatchObject({ fine: 'deployed', crash: 'failed', huge: 'failed', next: 'absent' });

    const text = await project.run(['up', '--concurrency', '10', '--force']);
    expect(text.code).toBe(1);
    for (const name of names) {
      const report = text.stdout.slice(text.stdout.indexOf(`\n${name} failed: `)).split('\n\n')[0]!;
      expect(report, text.stdout).toMatch(broken[name]!.says);
      expect(report, name).toMatch(broken[name]!.report);
      expect(report, name).toMatch(
        /look further:\n +kubectl --kubeconfig \S+ --context \S+ -n \S+ describe \w+\//,
      );
    }

    await kubectl('delete', 'resourcequota', 'none', '-n', spaces.full);
    await write(project, spaces, true);
    const mended = await project.run(['up', '--output', 'json', '--concurrency', '10']);
    expect(mended.code, mended.stdout).toBe(0);
    expect(mended.events.at(-1)).toMatchObject({
      result: 'ok',
      installed: 2,
      unchanged: 1,
      failed: 0,
      skipped: 0,
    });
    expect((await project.run(['plan', '--exit-code'])).code).toBe(0);
  }, 400_000);

  it.concurrent('that may heal are waited for, and told when the time is over', async ({ project }) => {
    await project.flavour({ slow: app({ values: simulate('not-ready') }) }, { slow: { setup_timeout: 6 } });
    const up = await project.run(['up']);
    expect(up.code).toBe(1);
    expect(up.seconds).toBeGreaterThan(6);
    expect(up.stdout).toMatch(/Pod\/slow-\S+ \(app\) +Unhealthy +Readiness probe failed: connection refused/);
  });

  it.concurrent('of a hook name the hook and the Job', async ({ project }) => {
    const quota = { name: 'none', namespace: project.namespace };
    await applyObjects(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: project.namespace } },
      { apiVersion: 'v1', kind: 'ResourceQuota', metadata: quota, spec: { hard: { pods: '0' } } },
    );
    const before = [{ name: 'prepare', image: 'busybox:1', command: ['true'], timeout: 4 }];
    await project.flavour({ api: app({ hooks: { before } }), last: app({ after: ['api'] }) });
    const up = await project.run(['up']);
    expect(up.code).toBe(1);
    expect(up.stdout).toMatch(/api failed: hook prepare of api: /);
    expect(up.stdout).toMatch(/kubectl .*logs job\/api-prepare-/);
    expect(await get(project.namespace, 'deployments', 'api')).toBeUndefined();
  });

  it('of objects without a chart are told as soon as those of releases', async ({ project }) => {
    const labels = { app: 'own' };
    const deployment = (annotations: Record<string, string>) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'own' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels, annotations },
          spec: { containers: [{ name: 'app', image: 'registry.example/app:1.0' }] },
        },
      },
    });
    const own = (how: Record<string, string>) =>
      project.flavour({ own: { objects: [deployment(how)] } }, { own: { setup_timeout: timeout } });
    await own({ 'datamill.io/simulate': 'config-error' });

    const up = await project.run(['up']);

    expect(up.code, up.stdout).toBe(1);
    expect(up.seconds).toBeLessThan(timeout / 2);
    expect(up.stdout).toMatch(/own failed: Pod\/own-.*secret "simulated" not found/);
    expect(up.stdout).toMatch(/Pod\/own-\S+ \(app\) +CreateContainerConfigError/);

    await own({});
    const mended = await project.run(['up']);
    expect(mended.code, mended.stdout + mended.stderr).toBe(0);
  });
});
