import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, inject } from 'vitest';
import { clusterFlags, kubectl } from '../helpers/cluster.ts';
import { Dialogue } from '../helpers/dialogue.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { it as base, type Project } from '../helpers/project.ts';
import { restricted } from '../helpers/restricted.ts';

const { missing } = inject('testbed');

/** Counts on from where the container before it stopped; ends when a file appears, or it is told to. */
const COUNT = `cd /state; i=$(cat n 2>/dev/null || echo 0)
trap 'echo "last $i"; exit 0' TERM
while [ ! -e stop ]; do echo "count $i"; i=$((i+1)); usleep 4000; done
echo $i > n; rm stop; echo "last $i"; exit 1`;

function deployment(name: string, script: string, replicas = 1): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 3,
          volumes: [{ name: 'state', emptyDir: {} }],
          containers: [
            {
              name: 'main',
              image: 'docker.io/library/busybox:1.35.0',
              command: ['sh', '-c', script],
              resources: { requests: { cpu: '5m', memory: '8Mi' } },
              volumeMounts: [{ name: 'state', mountPath: '/state' }],
            },
          ],
        },
      },
    },
  };
}

const it = base.extend<{ project: Project }>({
  project: async ({ project }, use) => {
    await project.flavour({
      counter: { objects: [deployment('counter', COUNT)] },
      speaker: { objects: [deployment('speaker', "printf '\\033[2Jgrüße\\n'; sleep 3600")] },
      absent: { objects: [deployment('absent', 'sleep 3600')] },
    });
    const up = await project.run(['up', '-c', 'counter,speaker']);
    if (up.code !== 0) throw new Error(up.stdout + up.stderr);
    await use(project);
  },
});

interface Line {
  time: string;
  component: string;
  pod: string;
  container: string;
  line: string;
}

/** `logs counter --follow --output json`, and what came of it so far. */
function follow(project: Project, ...flags: string[]) {
  const cli = join(inject('rehearsal').cli, 'cli.js');
  const args = ['logs', 'counter', '--follow', '--output', 'json', '-f', 'flavour.yaml', ...flags];
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: project.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: Line[] = [];
  let notices = '';
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
  child.stderr.on('data', (chunk) => {
    notices += chunk;
  });
  const ended = once(child, 'close').then(([code]) => code as number);
  return {
    lines,
    notices: () => notices,
    of: (pod: string) => lines.filter((line) => line.pod === pod).map(({ line }) => line),
    stop: async () => {
      child.kill('SIGINT');
      return await ended;
    },
  };
}

async function podOf({ namespace }: Project): Promise<string> {
  const names = await kubectl('get', 'pods', '-n', namespace, '-l', 'app=counter', '-o', 'name');
  return names.trim().replace('pod/', '');
}

const counts = (lines: string[]) =>
  lines.flatMap((line) => /^count (\d+)$/.exec(line)?.slice(1).map(Number) ?? []);
const upTo = (end: number) => Array.from({ length: end }, (_, index) => index);

describe.skipIf(missing.length > 0)('logs, on real pods', () => {
  it('follows through restarts and new pods, without loss or doubles', async ({ project, expect }) => {
    const { namespace } = project;
    const following = follow(project, ...clusterFlags());
    await eventually(async () => expect(following.lines.length).toBeGreaterThan(100));
    const first = await podOf(project);
    await kubectl('exec', '-n', namespace, first, '--', 'touch', '/state/stop');
    await eventually(async () => {
      expect(following.of(first).filter((line) => line.startsWith('last'))).toHaveLength(1);
      expect(following.notices()).toMatch(/was started again: it exited with code 1/);
    });
    const before = following.of(first).length;
    await eventually(async () => expect(following.of(first).length).toBeGreaterThan(before + 100));
    await kubectl('delete', 'pod', '-n', namespace, first);
    const second = await eventually(async () => {
      const pod = await podOf(project);
      expect(following.of(pod).length).toBeGreaterThan(100);
      return pod;
    });
    expect(second).not.toBe(first);
    expect(await following.stop()).toBe(130);
    const said = following.of(first);
    expect(said.filter((line) => line.startsWith('last'))).toHaveLength(2);
    const end = Number(said.at(-1)!.replace('last ', ''));
    expect(counts(said)).toEqual(upTo(end));
    expect(counts(following.of(second))).toEqual(upTo(counts(following.of(second)).length));
    expect(
      following.lines.every(({ component, container }) => component === 'counter' && container === 'main'),
    ).toBe(true);
  });

  it('goes on where it was when the connection is cut', async ({ project, expect }) => {
    const proxy = await FaultProxy.open(inject('rehearsal').kubeconfig, Math.random);
    try {
      const kubeconfig = await project.write('faulty.json', JSON.stringify(proxy.kubeconfig));
      const following = follow(project, '--kubeconfig', kubeconfig, '--context', 'faulty');
      for (let cut = 1; cut <= 5; cut++) {
        const before = following.lines.length;
        await eventually(async () => expect(following.lines.length).toBeGreaterThan(before + 50));
        await proxy.breakDown('refuse');
        await proxy.heal();
      }
      const before = following.lines.length;
      await eventually(async () => expect(following.lines.length).toBeGreaterThan(before + 50));
      await following.stop();
      const numbers = counts(following.lines.map(({ line }) => line));
      expect(numbers).toEqual(upTo(numbers.length));
    } finally {
      await proxy.close();
    }
  });

  it('prints all components by time, and only what is asked for', async ({ project, expect }) => {
    const all = await project.run(['logs', '--tail', '20', '--timestamps']);
    expect(all.code, all.stderr).toBe(0);
    const lines = all.stdout.trim().split('\n');
    expect(lines).toHaveLength(21);
    const times = lines.map((line) => line.split(' ')[1]!);
    expect(times).toEqual([...times].sort());
    // Not for a terminal: nothing is changed.
    expect(all.stdout).toContain(' \u001b[2Jgrüße\n');
    const one = await project.run(['logs', 'speaker', '--since', '1h']);
    expect(one.stdout).toMatch(/^speaker-\S+\/main \S+grüße\n$/);
    const previous = await project.run(['logs', 'speaker', '--previous']);
    expect(previous).toMatchObject({ code: 0, stdout: '' });
    expect(previous.stderr).toMatch(/did not run before/);
  });

  it('does not let a log command the terminal, and ends by Ctrl-C', async ({ project, expect }) => {
    const args = ['logs', 'speaker', '--follow', '-f', 'flavour.yaml', ...clusterFlags()];
    const terminal = new Dialogue(args, { cwd: project.folder });
    await terminal.until(/speaker-\S+\/main \^\[\[2Jgrüße/);
    terminal.type('\u0003');
    expect(await terminal.ended).toBe(130);
    expect(terminal.screen).not.toMatch(/error|interrupted/i);
  });

  it('ends quietly when nobody reads on', async ({ project, expect }) => {
    const cli = join(inject('rehearsal').cli, 'cli.js');
    const command = `${process.execPath} ${cli} logs counter --follow -f flavour.yaml ${clusterFlags().join(' ')} | head -n 3`;
    const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], { cwd: project.folder });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk;
      });
    await once(child, 'close');
    expect(output.trim().split('\n')).toHaveLength(3);
    expect(output).not.toMatch(/error|EPIPE/);
  });

  it('says what is missing', async ({ project, expect }) => {
    const absent = await project.run(['logs', 'absent']);
    expect(absent.code).toBe(1);
    expect(absent.stderr).toMatch(/absent is not installed[\s\S]*up -c absent/);
    expect((await project.run(['logs', 'nobody'])).code).toBe(2);
    const container = await project.run(['logs', 'counter', '--container', 'none']);
    expect(container.code).toBe(2);
    expect(container.stderr).toMatch(/there are main/);
    const rules = [
      { apiGroups: [''], resources: ['configmaps', 'secrets', 'pods'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list'] },
    ];
    const looker = await restricted(project, rules);
    const refused = await project.run(['logs', 'counter', ...looker]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/cannot get resource "pods\/log"/);
  });

  it('lists the images that run', async ({ project, expect }) => {
    const { json } = await project.run(['status', '--images', '--output', 'json']);
    expect(json).toMatchObject({
      schema: 1,
      images: [
        {
          image: 'docker.io/library/busybox:1.35.0',
          digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
          pods: 2,
          components: ['counter', 'speaker'],
        },
      ],
    });
    expect((await project.run(['status', '--images'])).stdout).toMatch(/busybox:1\.35\.0\s+sha256:\S+\s+2/);
  });
});
