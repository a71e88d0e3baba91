import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TargetSpec } from '../../src/targets/contract.ts';
import { kindPlanner } from '../../src/targets/kind.ts';
import { progressOf } from '../../src/targets/minikube/events.ts';
import { minikubePlanner } from '../../src/targets/minikube.ts';
import type { Step } from '../../src/targets/planned/place.ts';
import type { Planner } from '../../src/targets/planned/planner.ts';
import { exec } from '../../src/util/exec.ts';
import { packageRoot } from '../../src/util/paths.ts';
import { realTools } from '../helpers/cluster-tools.ts';
import type { GoTool } from '../helpers/go-tool.ts';
import { machine, specOf } from '../helpers/fakes.ts';

/**
 * The command lines that drivers plan, on the real minikube and kind. They take minutes to build, so
 * that is done in CI only; elsewhere these are skipped where the programs are not there yet.
 */
const timeout = 60_000;
const canHave = (tool: GoTool) => tool.isBuilt() || (process.env.CI === 'true' && tool.available());
const home = mkdtempSync(join(tmpdir(), 'datamill-real-'));

afterAll(() => rm(home, { recursive: true, force: true }));

const everything: Partial<TargetSpec> = {
  cpus: 2,
  memory: 4096,
  storage: '20G',
  nodes: 2,
  version: '1.35.1',
  settings: {
    vm_driver: 'docker',
    mount: '/srv:/data',
    registry_mirrors: { 'docker.io': 'http://10.0.0.1:5000' },
  },
};
const specs: Array<Partial<TargetSpec>> = [
  {},
  everything,
  { ...everything, gpuSupport: true },
  { gpuSupport: true, settings: { vm_driver: 'kvm2', addons: ['ingress'] } },
  { gpuSupport: true, settings: { vm_driver: 'none' } },
];

/** Every command that a driver can plan. */
function steps(planner: Planner): Step[] {
  return specs.flatMap((more) => {
    const request = { spec: specOf(planner.name, more), machine, kubeconfig: join(home, 'kubeconfig') };
    const parts = [planner.look, planner.create, planner.start, planner.stop, planner.destroy].flatMap(
      (part) => part(request),
    );
    return [...parts, planner.kubeconfig(request), ...planner.loadImage(request, '/nowhere/image.tar')];
  });
}

/** The flags that a command line has, without their values. */
function flags(command: readonly string[]): string[] {
  return [...new Set(command.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0]!))];
}

describe.skipIf(!canHave(realTools.minikube))('the real minikube 1.38.1', { timeout }, () => {
  const run = (args: readonly string[]) =>
    exec(realTools.minikube.path(), args, {
      env: {
        MINIKUBE_HOME: home,
        KUBECONFIG: join(home, 'kubeconfig'),
        MINIKUBE_IN_STYLE: 'false',
        PATH: '/usr/bin:/bin',
      },
    });
  beforeAll(() => realTools.minikube.build(), 1_200_000);
  const planned = steps(minikubePlanner).map(({ command }) => command);

  it('knows every flag of every planned command', async () => {
    const commands = new Map<string, Set<string>>();
    for (const [, ...args] of planned) {
      const words = args[0] === 'image' ? args.slice(0, 2) : args.slice(0, 1);
      const known = commands.get(words.join(' ')) ?? new Set();
      for (const flag of flags(args)) known.add(flag);
      commands.set(words.join(' '), known);
    }
    expect([...commands.keys()].sort()).toEqual([
      'delete',
      'image load',
      'start',
      'status',
      'stop',
      'update-context',
    ]);
    for (const [words, used] of commands) {
      const help = (await run([...words.split(' '), '--help'])).stdout + (await run(['options'])).stdout;
      for (const flag of used)
        expect(help, `${words} ${flag}`).toMatch(new RegExp(`(^|[\\s,])${flag}(=|,|\\s)`, 'm'));
    }
  });

  it('takes what is planned to start, as --dry-run shows', async () => {
    for (const [, ...args] of planned.filter(([, verb]) => verb === 'start')) {
      const { stdout, stderr, exitCode } = await run([...args, '--dry-run']);
      const events = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
      const last = events.at(-1);
      // Here there is no docker, so it goes as far as its driver and says so; usage errors are 14.
      expect(exitCode, stdout + stderr).not.toBe(14);
      expect(stderr).not.toMatch(/unknown (flag|command)|invalid argument/);
      expect(events[0].type).toBe('io.k8s.sigs.minikube.step');
      expect(progressOf(JSON.stringify(events[0]))).toMatch(/^\[0\/\d+\] \[datamill\] minikube v1\.38\.1/);
      if (exitCode !== 0) {
        expect(last.type, stdout).toBe('io.k8s.sigs.minikube.error');
        const known = minikubePlanner.explain!({ stdout, stderr, exitCode, canceled: false }, {} as never);
        expect(known?.message).toContain(last.data.name);
      }
    }
  });

  it('answers 85 for a profile that is not there, which means absent', async () => {
    const result = await run(['status', '-p', 'datamill', '-o', 'json']);

    expect(result.exitCode).toBe(85);
    expect(minikubePlanner.read([result], {} as never)).toBe('absent');
  });

  it('ends as the fake does where both can be asked', async () => {
    const fakes = join(home, 'fakes');
    await exec('mkdir', ['-p', fakes]);
    const fake = (args: readonly string[]) =>
      exec(join(packageRoot, 'test/fixtures/bin/minikube'), args, {
        env: { DATAMILL_FAKES: fakes, KUBECONFIG: undefined },
      });
    for (const args of [
      ['start', '-p', 'datamill', '--no-such-flag'],
      ['frobnicate'],
      ['status', '-p', 'datamill', '-o', 'json'],
    ]) {
      const [real, played] = [await run(args), await fake(args)];
      if (args[0] !== 'frobnicate') expect(played.exitCode, args.join(' ')).toBe(real.exitCode);
      expect(played.exitCode === 0).toBe(real.exitCode === 0);
    }
  });

  it('has every flag that the fake takes', async () => {
    const source = await readFile(join(packageRoot, 'test/fixtures/bin/minikube'), 'utf8');
    const known = (await run(['start', '--help'])).stdout + (await run(['options'])).stdout;
    const [, table] = /const flagsOfStart = \{([\s\S]*?)\};/.exec(source)!;
    const taken = [...table!.matchAll(/(--[a-z-]+)/g)].map(([, flag]) => flag!);

    expect(taken.length).toBeGreaterThan(10);
    for (const flag of taken) expect(known).toContain(`${flag}=`);
  });
});

describe.skipIf(!canHave(realTools.kind))('the real kind 0.33.0', { timeout }, () => {
  const run = (args: readonly string[], input = '') =>
    exec(realTools.kind.path(), args, { env: { HOME: home, PATH: '/usr/bin:/bin' }, input });

  beforeAll(() => realTools.kind.build(), 1_200_000);

  it('takes every planned command, as far as docker', async () => {
    const planned = steps(kindPlanner).filter(({ command }) => command[0] === 'kind');
    expect(planned.length).toBeGreaterThan(10);
    for (const { command, input } of planned) {
      const { stderr, exitCode } = await run(command.slice(1), input);
      // There is no docker here: it says so once it has taken flags and configuration.
      expect(exitCode).toBe(1);
      expect(stderr, command.join(' ')).not.toMatch(
        /unknown (flag|command|field)|unable to decode|accepts \d+ arg/,
      );
      expect(stderr).toMatch(
        /failed to (list|get|delete|locate)|executable file not found|no such file|failed to create cluster/,
      );
    }
  });

  it('refuses a flag and a field that it has not', async () => {
    expect((await run(['create', 'cluster', '--frobnicate'])).stderr).toContain('unknown flag: --frobnicate');
    const config = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nfrobnicate: true\n';
    expect((await run(['create', 'cluster', '--config', '-'], config)).stderr).toMatch(
      /unknown field|frobnicate/,
    );
  });
});
