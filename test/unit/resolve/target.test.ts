import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { explain } from '../../../src/actions/config.ts';
import { type ResolveOptions, resolve } from '../../../src/resolve/resolve.ts';
import { program } from '../../helpers/program.ts';
import { failure, resolveFiles, workspace } from '../../helpers/workspace.ts';

const head = 'project: { flavour: minio }\n';
const named = 'project: { flavour: minio, k8s_default_config: mine.yaml }\n';
const local = 'local: { provider: kind, name: inline-local }\n';
const remote = 'remote: { provider: aws, name: inline-remote }\n';
const hybrid = 'hybrid: { context: inline-hybrid }\n';
const mine =
  'local: { provider: k3s, name: default-config }\nremote: { provider: gke, name: remote-of-file }\n';

function target(flavour: string, options: ResolveOptions = {}) {
  const { target: found } = resolveFiles({ 'flavour.yaml': flavour, 'mine.yaml': mine }, options);
  return found?.section === 'hybrid' ? (found.context ?? found.config) : found?.name;
}

describe('the target', () => {
  it.each<[string, string, ResolveOptions, string | undefined]>([
    ['-t of a packaged file first', `${named}${local}`, { target: 'rehearsal.yaml' }, 'datamill'],
    ['-t of a packaged file, without its ending', `${named}${local}`, { target: 'rehearsal' }, 'datamill'],
    ['-t of a context', `${named}${local}`, { target: 'prod' }, 'prod'],
    ['--context', `${named}${local}`, { context: 'other' }, 'other'],
    ['--kubeconfig', `${named}${local}`, { kubeconfig: '/k' }, '/k'],
    ['the section that -l names', `${named}${local}${remote}`, { section: 'local' }, 'inline-local'],
    ['the section that -r names', `${named}${local}${remote}`, { section: 'remote' }, 'inline-remote'],
    ['the section that --hybrid names', `${named}${local}${hybrid}`, { section: 'hybrid' }, 'inline-hybrid'],
    [
      '-r of the default file, when the flavour has none',
      `${named}${local}`,
      { section: 'remote' },
      'remote-of-file',
    ],
    ['the only inline section', `${named}${remote}`, {}, 'inline-remote'],
    ['k8s_default_config, when there are several', `${named}${local}${remote}`, {}, 'default-config'],
    ['k8s_default_config', named, {}, 'default-config'],
    ['k8s_default_config of a flag', head, { set: ['project.k8s_default_config=hybrid.yaml'] }, undefined],
    ['nothing', head, {}, undefined],
    ['nothing, when there are several and no default', `${head}${local}${remote}`, {}, undefined],
  ])('is %s', (_, flavour, options, expected) => {
    if (options.set === undefined) expect(target(flavour, options)).toBe(expected);
    else expect(resolveFiles(flavour, options).target?.driver).toBe('hybrid');
  });

  it('-t of a file counts as given', () => {
    const folder = workspace({ 'flavour.yaml': `${head}${local}`, 'there/t.yaml': mine });
    const flavours = [join(folder, 'flavour.yaml')];
    const file = join(folder, 'there', 't.yaml');

    expect(resolve({ flavours, target: file }).target?.name).toBe('default-config');
    expect(resolve({ flavours, target: file, section: 'remote' }).target?.name).toBe('remote-of-file');
  });

  it.each<[string, string, ResolveOptions, RegExp, RegExp]>([
    ['a file that is not there', head, { target: './gone.yaml' }, /does not exist/, /default_mc\.yaml/],
    ['a section that is not there', head, { section: 'remote' }, /no `remote:` section/, /rehearsal\.yaml/],
    ['a file without the section', named, { section: 'hybrid' }, /no `hybrid:` section/, /rehearsal\.yaml/],
  ])('cannot be %s', (_, flavour, options, says, hint) => {
    const error = failure(() => target(flavour, options));

    expect(error.exitCode).toBe(2);
    expect(error.message).toMatch(says);
    expect(error.hint).toMatch(hint);
  });

  it('is never guessed: without one, `up` ends with 2 and lists what is there', () => {
    const cwd = workspace({ 'flavour.yaml': head, 'two.yaml': `${head}${local}${remote}` });
    const none = program(['up', '-f', 'flavour.yaml'], cwd, cwd);
    const two = program(['up', '-f', 'two.yaml'], cwd, cwd);

    expect([none.code, two.code]).toEqual([2, 2]);
    for (const file of [
      'default_mc.yaml',
      'default_uc.yaml',
      'hybrid.yaml',
      'k3s.yaml',
      'kind.yaml',
      'microk8s.yaml',
      'minikube.yaml',
      'rehearsal.yaml',
    ])
      expect(none.stderr).toContain(file);
    expect(two.stderr).toMatch(/has local, remote: choose with -l, -r or --hybrid/);
  });

  it('takes memory as MiB or as a quantity', () => {
    const memory = (text: string) =>
      resolveFiles(`${head}local: { provider: kind, memory: ${text} }\n`).target?.memory;

    expect([memory('16288'), memory('16Gi'), memory('"16288"'), memory('1.5Gi')]).toEqual([
      16288, 16384, 16288, 1536,
    ]);
  });

  it('takes single values from --set, and explains them', () => {
    const folder = workspace({ 'flavour.yaml': `${head}local:\n  provider: kind\n  cpus: 2\n` });
    const options = { flavours: [join(folder, 'flavour.yaml')], set: ['target.cpus=4'] };

    expect(resolve(options).target?.cpus).toBe(4);
    expect(explain(options, 'target.cpus').map(({ value, at }) => [value, at.line, at.column])).toEqual([
      [4, undefined, undefined],
      [2, 4, 9],
    ]);
  });

  it('finds its kubeconfig beside the file that names it', () => {
    const folder = workspace({
      'flavour.yaml': head,
      'sub/t.yaml': 'hybrid: { config: ./kube.conf }\n',
    });
    const options = { flavours: [join(folder, 'flavour.yaml')], target: join(folder, 'sub', 't.yaml') };

    expect(resolve(options).target?.config).toBe(join(folder, 'sub', 'kube.conf'));
    expect(resolve({ ...options, set: ['target.name=x'] }).target?.config).toBe(
      join(folder, 'sub', 'kube.conf'),
    );
  });

  it('warns of old words with their places, also in its file', () => {
    const folder = workspace({
      'flavour.yaml': head,
      't.yaml': 'local:\n  provider: kind\n  use_overlay: true\n',
    });
    const { warnings, target: found } = resolve({
      flavours: [join(folder, 'flavour.yaml')],
      target: join(folder, 't.yaml'),
    });

    expect(warnings).toEqual([
      {
        message: expect.stringMatching(/^local\.use_overlay has no meaning/),
        at: { file: join(folder, 't.yaml'), line: 3, column: 3 },
      },
    ]);
    expect(found?.settings).not.toHaveProperty('use_overlay');
  });
});
