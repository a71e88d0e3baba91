import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianPackages } from './debian.ts';
import { eventually } from './eventually.ts';

/** The broker, and what of Erlang it needs. */
const packages = debianPackages('rabbitmq', [
  'rabbitmq-server',
  ...['base', 'asn1', 'crypto', 'eldap', 'inets', 'mnesia', 'os-mon', 'parsetools', 'public-key'].map(
    (part) => `erlang-${part}`,
  ),
  ...['runtime-tools', 'ssl', 'syntax-tools', 'tools', 'xmerl'].map((part) => `erlang-${part}`),
]);

/** Whether a broker can be had here; tests are skipped where not. */
export const rabbitmqAvailable: () => boolean = packages.available;

export interface RabbitmqOptions {
  /** Beside the management plugin, such as `rabbitmq_shovel`. */
  plugins?: readonly string[];
  /** More lines of rabbitmq.conf. */
  settings?: Record<string, string | number>;
}

interface Ports {
  amqp: number;
  management: number;
  names: number;
  nodes: number;
}

/**
 * A real RabbitMQ on free ports of loopback, with a folder of its own and the management plugin.
 * It ends with the process that started it, if not before.
 */
export class Rabbitmq {
  /** An administrator, of the vhost `/`. */
  readonly user = 'guest';
  readonly password = 'guest';
  readonly host = '127.0.0.1';
  readonly #folder: string;
  readonly #root: string;
  #ports!: Ports;
  #children: Array<{ process: ChildProcess; ended: Promise<unknown> }> = [];
  #log = '';

  private constructor(root: string, folder: string) {
    this.#root = root;
    this.#folder = folder;
  }

  /** Starts one and waits until it takes connections. */
  static async open({ plugins = [], settings = {} }: RabbitmqOptions = {}): Promise<Rabbitmq> {
    const root = await packages.unpack();
    const broker = new Rabbitmq(root, await mkdtemp(join(tmpdir(), 'datamill-rabbitmq-')));
    try {
      await broker.#configure(plugins, settings);
      await broker.start();
      return broker;
    } catch (error) {
      await broker.close();
      throw error;
    }
  }

  get port(): number {
    return this.#ports.amqp;
  }

  get url(): string {
    return `amqp://${this.user}:${this.password}@${this.host}:${this.port}/`;
  }

  /** The address of the management plugin, without a slash at its end. */
  get management(): string {
    return `http://${this.host}:${this.#ports.management}`;
  }

  /** Process id of the broker while it runs. */
  get pid(): number | undefined {
    return this.#children.at(-1)?.process.pid;
  }

  /** What the broker wrote. */
  get log(): string {
    return this.#log;
  }

  /** Starts it again after `stop`, on the same ports and with its durable queues. */
  async start(): Promise<void> {
    this.#spawn('epmd', []);
    this.#spawn('erlexec', ARGUMENTS);
    await eventually(async () => {
      await this.api('GET', '/api/overview');
      await this.#listening();
    }, 180);
  }

  /** Ends the broker; what is durable stays. @param signal SIGKILL is a crash. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    for (const child of this.#children.splice(0).reverse()) {
      child.process.kill(signal);
      await child.ended;
    }
  }

  /** Ends it and removes its folder. */
  async close(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /**
   * A request to the management plugin, as its HTTP API documents it.
   *
   * @throws on an answer that is no success.
   */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at a field or two
  async api(method: string, path: string, body?: unknown): Promise<any> {
    this.#mustRun();
    const response = await fetch(this.management + path, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(`${this.user}:${this.password}`).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** The management plugin answers before the listeners are there. */
  async #listening(): Promise<void> {
    const { listeners } = await this.api('GET', '/api/overview');
    const ports = (listeners as Array<{ port: number }>).map(({ port }) => port);
    if (!ports.includes(this.port))
      throw new Error(`the broker does not listen yet: ${this.#log.slice(-500)}`);
  }

  #mustRun(): void {
    const gone = this.#children.find(
      ({ process }) => process.exitCode !== null || process.signalCode !== null,
    );
    if (gone !== undefined) throw new Error(`RabbitMQ has ended: ${this.#log.slice(-2000)}`);
  }

  async #configure(plugins: readonly string[], settings: Record<string, string | number>): Promise<void> {
    const [amqp, management, names, nodes] = await freePorts(4);
    this.#ports = { amqp: amqp!, management: management!, names: names!, nodes: nodes! };
    const lines = {
      'listeners.tcp.1': `${this.host}:${amqp}`,
      'management.tcp.ip': this.host,
      'management.tcp.port': management!,
      'log.console': 'true',
      ...settings,
    };
    const text = Object.entries(lines).map(([name, value]) => `${name} = ${value}\n`);
    await writeFile(join(this.#folder, 'rabbitmq.conf'), text.join(''));
    await writeFile(join(this.#folder, 'plugins'), `[${['rabbitmq_management', ...plugins].join(',')}].\n`);
  }

  #spawn(program: string, args: readonly string[]): void {
    const erlang = join(this.#root, 'usr', 'lib', 'erlang');
    const binaries = join(erlang, only(erlang, /^erts-/), 'bin');
    const library = join(this.#root, 'usr', 'lib', 'rabbitmq', 'lib');
    const home = join(library, only(library, /^rabbitmq_server-/));
    const folder = this.#folder;
    // The kernel ends it with this process, however that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', join(binaries, program), ...args], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: `${binaries}:${process.env.PATH}`,
        HOME: folder,
        LANG: 'C.UTF-8',
        // What the script `erl` sets, which knows only the place where it is installed.
        ROOTDIR: erlang,
        BINDIR: binaries,
        EMU: 'beam',
        PROGNAME: 'erl',
        ERL_EPMD_ADDRESS: this.host,
        ERL_EPMD_PORT: String(this.#ports.names),
        ERL_LIBS: join(home, 'plugins'),
        RABBITMQ_HOME: home,
        RABBITMQ_NODENAME: 'rabbit@localhost',
        RABBITMQ_DIST_PORT: String(this.#ports.nodes),
        RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
        RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
        RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
        RABBITMQ_LOG_BASE: join(folder, 'log'),
        RABBITMQ_LOGS: '-',
      },
    });
    const keep = (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-1_000_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const ended = new Promise<unknown>((resolve) => {
      child.on('error', resolve);
      child.on('close', resolve);
    });
    this.#children.push({ process: child, ended });
  }
}

/** What the script `rabbitmq-server` gives to Erlang. */
const ARGUMENTS = [
  ...['-noinput', '-s', 'rabbit', 'boot', '-boot', 'start_sasl', '+W', 'w'],
  ...['-kernel', 'inet_dist_use_interface', '{127,0,0,1}'],
  ...['-kernel', 'prevent_overlapping_partitions', 'false'],
  ...['-syslog', 'logger', '[]', '-syslog', 'syslog_error_logger', 'false'],
];

function only(folder: string, name: RegExp): string {
  const found = existsSync(folder) ? readdirSync(folder).find((one) => name.test(one)) : undefined;
  if (found === undefined) throw new Error(`there is no ${name} in ${folder}`);
  return found;
}

/** Ports of loopback that nobody listens on; held together, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve) => {
          const server = createServer();
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  return await Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      return port;
    }),
  );
}
