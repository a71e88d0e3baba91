import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, inject } from 'vitest';
import { parse } from 'yaml';
import { run } from '../helpers/cli.ts';
import { app, it, type Project } from '../helpers/project.ts';

/** A copy of the cluster's kubeconfig whose server is another one. */
async function elsewhere(project: Project, server: string): Promise<string[]> {
  const { kubeconfig, context } = inject('rehearsal');
  const config = parse(await readFile(kubeconfig, 'utf8'));
  for (const { cluster } of config.clusters) cluster.server = server;
  return ['--kubeconfig', await project.write('kubeconfig', config), '--context', context];
}

const verbs = [['up'], ['down'], ['plan'], ['status'], ['history', 'api']];

describe.concurrent('an existing cluster', () => {
  it('that does not answer ends every verb quickly, with exit 4', async ({ project, expect }) => {
    await project.flavour({ api: app() });
    // Nothing listens on port 1, and this server takes connections without ever answering.
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    try {
      const closed = await elsewhere(project, 'https://127.0.0.1:1');
      const results = await Promise.all(
        verbs.map(([verb, ...args]) =>
          run([verb!, '-f', 'flavour.yaml', ...closed, ...args, '--output', 'json'], { cwd: project.folder }),
        ),
      );
      for (const [index, { code, stderr, seconds }] of results.entries()) {
        expect(code, verbs[index]!.join() + stderr).toBe(4);
        expect(JSON.parse(stderr.trim().split('\n').at(-1)!).error).toMatchObject({
          code: 'TARGET_UNREACHABLE',
          message: expect.stringContaining('https://127.0.0.1:1'),
        });
        expect(seconds, verbs[index]!.join()).toBeLessThan(15);
      }
      const hung = await elsewhere(project, `https://127.0.0.1:${port}`);
      const status = await run(['status', '-f', 'flavour.yaml', ...hung], { cwd: project.folder });
      expect(status.code, status.stderr).toBe(4);
      expect(status.seconds).toBeLessThan(12);
    } finally {
      silent.close();
    }
  });

  it('with another certificate is not trusted', async ({ project, expect }) => {
    await project.flavour({ api: app() });
    const { kubeconfig, context } = inject('rehearsal');
    const config = parse(await readFile(kubeconfig, 'utf8'));
    for (const { cluster } of config.clusters) {
      delete cluster['certificate-authority-data'];
      delete cluster['certificate-authority'];
      delete cluster['insecure-skip-tls-verify'];
    }
    const file = await project.write('kubeconfig', config);
    const status = await run(['status', '-f', 'flavour.yaml', '--kubeconfig', file, '--context', context], {
      cwd: project.folder,
    });
    expect(status.code, status.stderr).toBe(4);
    expect(status.stderr).toContain('TARGET_UNTRUSTED');
    expect(status.seconds).toBeLessThan(10);
  });

  it('whose context or kubeconfig is not there is named, with what there is', async ({ project, expect }) => {
    await project.flavour({ api: app() });
    const { kubeconfig, context } = inject('rehearsal');
    const typo = `${context.slice(0, -1)}x`;
    const wrong = await run(['up', '-f', 'flavour.yaml', '--kubeconfig', kubeconfig, '--context', typo], {
      cwd: project.folder,
    });
    expect(wrong.code, wrong.stderr).toBe(4);
    expect(wrong.stderr).toContain(`Did you mean "${context}"?`);
    const missing = join(project.folder, 'nowhere');
    for (const args of [
      ['--kubeconfig', missing],
      ['-t', 'no-such-context'],
    ]) {
      const none = await run(['status', '-f', 'flavour.yaml', ...args], {
        cwd: project.folder,
        env: { KUBECONFIG: missing },
      });
      expect(none.code, none.stderr).toBe(4);
      expect(none.stderr).toContain(missing);
    }
  });

  it('is reached by -t CONTEXT and by a hybrid section, and is not ours to stop', async ({
    project,
    expect,
  }) => {
    const { kubeconfig, context } = inject('rehearsal');
    const env = { KUBECONFIG: kubeconfig };
    await project.flavour({ api: app() });
    const options = { cwd: project.folder, env };
    const byName = await run(['status', '-f', 'flavour.yaml', '-t', context, '--output', 'json'], options);
    expect(byName.json.target).toMatchObject({ driver: 'hybrid', context, simulated: false });
    await project.flavour({ api: app() }, { hybrid: { config: kubeconfig, context, gpu_support: true } });
    const section = await run(['status', '-f', 'flavour.yaml', '--hybrid', '--output', 'json'], options);
    expect(section.json.target).toMatchObject({ driver: 'hybrid', context });
    for (const verb of ['stop', 'destroy']) {
      const refused = await run([verb, '-f', 'flavour.yaml', '--yes'], options);
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain('NOT_OUR_CLUSTER');
    }
    const printed = await run(['kubeconfig', '-f', 'flavour.yaml', '--path'], options);
    expect(printed.stdout.trim()).toBe(kubeconfig);
  });
});
