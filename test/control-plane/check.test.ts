import { describe } from 'vitest';
import { clusterFlags, get, kubectl, versions } from '../helpers/cluster.ts';
import { start } from '../helpers/process.ts';
import { app, it, type Project, rehearsalTarget } from '../helpers/project.ts';
import { restricted } from '../helpers/restricted.ts';

/** Simulated Jobs succeed without doing anything: what is proven here is what stands around them. */
const job = { name: 'runs', job: { image: 'registry.example/tool:1', command: ['use', '{{release}}'] } };

/** Waits for a condition that the Deployment has, or one that it never will have. */
function condition(type: string, timeout = 1): object {
  const object = { apiVersion: 'apps/v1', kind: 'Deployment', name: '{{release}}', type };
  return { name: 'condition', timeout, condition: object };
}

async function recordOf({ namespace }: Project, component: string) {
  return JSON.parse((await get(namespace, 'configmaps', `datamill-${component}`)).data.record);
}

async function jobsIn({ namespace }: Project): Promise<string[]> {
  return (await kubectl('get', 'jobs', '-n', namespace, '-o', 'name')).split('\n').filter((name) => name);
}

describe.concurrent('checks', () => {
  it('are the last phase of up: made once, and nothing is left of them', async ({ project, expect }) => {
    await project.flavour({ web: app({ checks: [job, condition('Available', 30)] }), api: app() });
    const up = await project.run(['up', '--output', 'json']);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    const said = up.events.filter(({ phase }) => phase === 'check');
    expect(said.map(({ component }) => component)).toEqual(said.map(() => 'web'));
    expect(said.map(({ state, message }) => `${state} ${message}`)).toEqual(
      expect.arrayContaining([
        'running runs: begins',
        'running runs: starting its Job',
        'done runs: This pod is simulated: nothing runs in it.',
        expect.stringMatching(/^done condition: Deployment\/web has Available=True \(Minimum/),
        'done 2 of 2 checks passed',
      ]),
    );
    expect(up.events.at(-1)).toMatchObject({ result: 'ok', checks: { passed: 2, failed: 0, skipped: 0 } });
    expect(await jobsIn(project)).toEqual([]);
    expect(await recordOf(project, 'web')).not.toHaveProperty('unchecked');

    const before = await versions(project.namespace);
    const again = await project.run(['up']);
    expect(again.stdout).toMatch(/2 unchanged; checks: none to make\.\n$/);
    expect(await versions(project.namespace)).toEqual(before);
  });

  it('that fail make up fail, and are made again by the next one until they pass', async ({
    project,
    expect,
  }) => {
    const flavour = (type: string) => project.flavour({ web: app({ checks: [condition(type)] }) });
    await flavour('Blessed');
    const up = await project.run(['up']);
    expect(up.code).toBe(1);
    expect(up.stdout).toMatch(
      /\nweb: the check condition failed after 1\.\d s: did not pass within 1 s, .*Deployment\/web has no condition Blessed/,
    );
    expect(up.stdout).toMatch(/^ {2}.*check -f flavour\.yaml .* -c web +check it again$/m);
    expect(up.stdout).toMatch(/Failed in .*: 1 installed; checks: 1 failed\.\n$/);
    expect(await recordOf(project, 'web')).toMatchObject({ unchecked: true });

    const second = await project.run(['up', '--output', 'json']);
    expect(second.code).toBe(1);
    expect(second.events.at(-1)).toMatchObject({
      result: 'failed',
      unchanged: 1,
      installed: 0,
      failed: 0,
      checks: { failed: 1 },
    });
    await flavour('Available');
    const mended = await project.run(['up', '--output', 'json']);
    expect(mended.events.at(-1)).toMatchObject({ result: 'ok', unchanged: 1, checks: { passed: 1 } });
    expect(await recordOf(project, 'web')).not.toHaveProperty('unchecked');
  });

  it('do not hold up what depends on the component', async ({ project, expect }) => {
    await project.flavour({
      store: app({ checks: [condition('Blessed', 20)], provides: { things: {} } }),
      user: app({ needs: { store: 'things' } }),
    });
    const up = await project.run(['up', '--output', 'json']);
    expect(up.code).toBe(1);
    const at = (component: string, phase: string, states: string[]) =>
      up.events.findIndex(
        (event) =>
          event.component === component && event.phase === phase && states.includes(event.state ?? ''),
      );
    expect(at('user', 'install', ['done'])).toBeGreaterThan(at('store', 'check', ['running']));
    expect(at('user', 'install', ['done'])).toBeLessThan(at('store', 'check', ['failed']));
    expect(up.events.at(-1)).toMatchObject({ installed: 2, skipped: 0, checks: { failed: 1 } });
  });

  it('can be left out, and are then made by the next up', async ({ project, expect }) => {
    await project.flavour({ web: app({ checks: [job] }) });
    const up = await project.run(['up', '--no-check', '--output', 'json']);
    expect(up.code).toBe(0);
    expect(up.events.at(-1)).not.toHaveProperty('checks');
    expect(up.events.filter(({ phase }) => phase === 'check')).toEqual([]);
    expect((await project.run(['up', '--output', 'json'])).events.at(-1)).toMatchObject({
      unchanged: 1,
      checks: { passed: 1 },
    });
  });

  it('are skipped by name where pods are simulated', async ({ project, expect }) => {
    await project.flavour({ web: app({ checks: [job, condition('Available')] }) });
    const { flags, env } = await rehearsalTarget(project);
    const up = await project.run(['up', ...flags, '--output', 'json'], { env });
    expect(up.code, up.stderr).toBe(0);
    const said = up.events.filter(({ phase }) => phase === 'check');
    expect(said).toMatchObject([
      { state: 'skipped', component: 'web', message: 'runs: pods are simulated' },
      { state: 'skipped', component: 'web', message: 'condition: pods are simulated' },
    ]);
    expect(up.events.at(-1)).toMatchObject({ result: 'ok', checks: { passed: 0, skipped: 2 } });

    const check = await project.run(['check', ...flags, '--output', 'json'], { env });
    expect(check.code).toBe(3);
    expect(check.json).toEqual({
      schema: 1,
      checks: ['runs', 'condition'].map((name) => ({
        component: 'web',
        name,
        result: 'skipped',
        seconds: 0,
        message: 'pods are simulated',
      })),
    });
    expect(JSON.parse(check.stderr).error).toMatchObject({ code: 'SIMULATED' });
    const text = await project.run(['check', ...flags], { env });
    expect(text.code).toBe(3);
    expect(text.stdout).toMatch(/web +runs +skipped +pods are simulated\n/);
    expect(text.stderr).toMatch(/the pods of this target are simulated/);
  });
});

describe.concurrent('datamill check', () => {
  it('checks what is installed, or what is named of it', async ({ project, expect }) => {
    const components = {
      web: app({ checks: [job] }),
      api: app({ checks: [condition('Blessed')] }),
      off: app(),
    };
    await project.flavour(components);
    const absent = await project.run(['check', '--output', 'json']);
    expect(absent.code).toBe(1);
    expect(absent.json.checks).toMatchObject([
      { component: 'web', name: 'runs', result: 'failed', message: 'it is not installed' },
      { component: 'api', name: 'condition', result: 'failed', message: 'it is not installed' },
    ]);
    const text = await project.run(['check', '-c', 'web']);
    expect(text.stdout).toMatch(/up -f flavour\.yaml .* installs what is missing/);

    await project.run(['up', '--no-check']);
    const all = await project.run(['check', '--output', 'json']);
    expect(all.code).toBe(1);
    expect(all.json.checks.map(({ name, result }: never) => `${name} ${result}`).sort()).toEqual([
      'condition failed',
      'runs passed',
    ]);
    const one = await project.run(['check', '-c', 'web']);
    expect(one.code, one.stdout).toBe(0);
    expect(one.stdout).toMatch(/^web +runs +passed +\d\.\d s +This pod is simulated: nothing runs in it\.$/m);
    expect(one.stdout).not.toMatch(/^api/m);
    expect(one.stdout).toMatch(/Checks: 1 passed\.\n$/);
    const none = await project.run(['check', '-c', 'off']);
    expect(none.code).toBe(0);
    expect(none.stdout).toBe('No checks are declared by off.\n');
    expect((await project.run(['check', '-c', 'nothing'])).code).toBe(2);
    expect(await jobsIn(project)).toEqual([]);
  });

  it('ends at once when it is interrupted, and leaves nothing', async ({ project, expect }) => {
    await project.flavour({ web: app({ checks: [condition('Blessed', 100), job] }) });
    await project.run(['up', '--no-check']);
    const args = ['up', '-f', 'flavour.yaml', ...clusterFlags()];
    const running = start(args, { cwd: project.folder });
    await running.until((events) => events.some(({ phase }) => phase === 'check'));
    running.kill('SIGINT');
    const begun = performance.now();
    expect(await running.ended).toBe(130);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(running.events.at(-1)).toMatchObject({ type: 'summary', result: 'interrupted' });
    expect(await jobsIn(project)).toEqual([]);
  });

  it('says which right is missing', async ({ project, expect }) => {
    await project.flavour({ web: app({ checks: [job] }) });
    await project.run(['up', '--no-check']);
    const rules = [
      { apiGroups: ['', 'apps'], resources: ['*'], verbs: ['get', 'list'] },
      { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'list', 'delete'] },
    ];
    const flags = await restricted(project, rules);
    const check = await project.run(['check', ...flags]);
    expect(check.code).toBe(1);
    expect(check.stdout).toMatch(
      /the check runs failed.*its Job cannot be made: .*cannot create resource "jobs" in API group "batch"/,
    );
    expect(check.seconds).toBeLessThan(20);
  });
});
