import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalTarget, RemoteTarget } from '../../../src/config/schema/target.ts';
import { drivers } from '../../../src/targets/index.ts';
import { packageRoot } from '../../../src/util/paths.ts';
import { specOf, useFakes } from '../../helpers/fakes.ts';

useFakes();
const io = { progress: () => undefined };
const page = readFileSync(join(packageRoot, 'docs/targets.md'), 'utf8');

/** What a remote driver cannot do without. */
const settings = {
  cluster_name: 'datamill',
  region: 'us-east-1',
  zones: 'us-east-1a',
  node_size: 't2.medium',
  host: '127.0.0.1',
  port: 1,
};

describe('drivers', () => {
  it('have names of their own, which targets may name', () => {
    const names = drivers.map(({ name }) => name);
    const providers = [...LocalTarget.shape.provider.options, ...RemoteTarget.shape.provider.options];

    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => name !== 'hybrid').sort()).toEqual([...providers].sort());
  });
});

describe.each(drivers)('the driver $name', { timeout: 120_000 }, (driver) => {
  const spec = specOf(driver.name, { settings, config: '/nowhere/config' });
  const billed = driver.abilities.billed;

  it('says what it can do, and docs/targets.md says the same', () => {
    const row = page.split('\n').find((line) => line.startsWith(`| ${driver.name} |`));
    const { stop, nodes, sizes, images, gpu, storageClass, tried } = driver.abilities;
    const yes = (can: boolean) => (can ? 'yes' : 'no');
    const cells = [
      driver.name,
      yes(stop),
      yes(nodes),
      yes(sizes),
      yes(images),
      gpu ?? 'no',
      storageClass ?? '',
      tried,
    ];

    expect(row).toBe(`| ${cells.join(' | ')} |`.replaceAll('|  |', '| |'));
    expect(page).toMatch(new RegExp(`^## .*${driver.name}`, 'im'));
  });

  it('tells what is paid for when something is', () => {
    expect(driver.costs(spec).length > 0).toBe(billed);
  });

  it('plans, looks and detects without changing anything or failing for what is not there', async () => {
    if (driver.name === 'hybrid') {
      await expect(driver.status(spec)).rejects.toMatchObject({ exitCode: 4 });
      return;
    }
    if (driver.name === 'ssh') {
      await expect(driver.status(spec)).rejects.toMatchObject({ code: 'SSH_UNREACHABLE', exitCode: 4 });
      return;
    }
    expect(await driver.status(spec)).toBe('absent');
    const commands = await driver.plan(spec);
    expect(commands.length).toBeGreaterThan(0);
    for (const { about, command } of commands) {
      expect(about).toMatch(/\w/);
      expect(command.every((word) => typeof word === 'string' && word !== '')).toBe(true);
    }
    for (const { program, version, problem } of await driver.detect(spec)) {
      expect(program).toMatch(/^[\w.-]+$/);
      if (problem !== undefined) expect(problem.hint).toMatch(/\w/);
      else expect(version === undefined || typeof version === 'string').toBe(true);
    }
    await expect(driver.connect(spec)).rejects.toMatchObject({ code: 'TARGET_DOWN', exitCode: 4 });
  });

  it('does not end what it did not make', async () => {
    if (driver.name === 'rehearsal' || driver.name === 'ssh') return;
    await expect(driver.destroy(spec, io)).rejects.toMatchObject({ exitCode: 3 });
    await expect(driver.stop(spec, io)).rejects.toMatchObject({ exitCode: 3 });
  });
});
