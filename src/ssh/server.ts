import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type AuthContext, type Connection } from 'ssh2';
import { algorithms } from './algorithms.ts';
import { gather } from './gather.ts';
import { keyBytes } from './keys.ts';
import { relay } from './relay.ts';

export interface SshServerOptions {
  /** The host key, in OpenSSH's form. */
  hostKey: string;
  /** The one key that may log in: `ssh-ed25519 AAAA…` */
  clientKey: string;
  user: string;
  /** What it may be asked to listen on. */
  listen: ReadonlyArray<{ host: string; port: number }>;
  log(line: string): void;
}

/** Milliseconds that a client may take to log in. */
const LOGIN_WITHIN = 10_000;

/**
 * An SSH server that does one thing: a client with the one key lets it listen on the ports of the
 * list, and gets what comes in there. There is no shell, no command, no file transfer and no
 * connection to anywhere. It does what images/tunnel does, where only our own image can be had.
 */
export function createSshServer(options: SshServerOptions): Server {
  const clientKey = keyBytes(options.clientKey);
  const current = new Set<Connection>();
  const ssh = new ssh2.Server(
    { hostKeys: [options.hostKey], algorithms, ident: 'datamill', keepaliveInterval: 0 } as never,
    (client) => {
      const late = setTimeout(() => client.end(), LOGIN_WITHIN);
      client.on('error', (error) => options.log(`client: ${error.message}`));
      client.on('close', () => {
        clearTimeout(late);
        current.delete(client);
      });
      client.on('authentication', (context) => decide(context, options.user, clientKey));
      client.on('ready', () => {
        clearTimeout(late);
        // The client of a tunnel is one: what is older is a connection that it has lost.
        for (const old of current) (old as unknown as { _sock: Socket })._sock.destroy();
        current.add(client);
        options.log('client logged in');
        serve(client, options);
      });
    },
  );
  const server = createServer({ noDelay: true }, (socket) => {
    gather(socket);
    ssh.injectSocket(socket);
  });
  server.on('close', () => {
    for (const client of current) client.end();
  });
  return server;
}

function decide(context: AuthContext, user: string, key: Buffer): void {
  if (isAllowed(context, user, key)) context.accept();
  else context.reject(['publickey']);
}

function isAllowed(context: AuthContext, user: string, key: Buffer): boolean {
  if (context.method !== 'publickey' || context.username !== user) return false;
  const { data } = context.key;
  if (data.length !== key.length || !timingSafeEqual(data, key)) return false;
  // Without a signature it is only asked whether the key would do.
  if (context.signature === undefined) return true;
  const parsed = ssh2.utils.parseKey(Buffer.from(`ssh-ed25519 ${key.toString('base64')}`));
  if (parsed instanceof Error || context.blob === undefined) return false;
  return parsed.verify(context.blob, context.signature, context.hashAlgo) === true;
}

/** Sessions and connections outwards have no listener here, so the library refuses them. */
function serve(client: Connection, { listen, log }: SshServerOptions): void {
  const servers = new Map<string, Server>();
  client.on('request', (accept, reject, name, info) => {
    const { bindAddr: host, bindPort: port } = info as { bindAddr: string; bindPort: number };
    const allowed = listen.some((one) => one.host === host && one.port === port);
    const key = `${host}:${port}`;
    if (name === 'cancel-tcpip-forward' && servers.has(key)) {
      servers.get(key)!.close();
      servers.delete(key);
      accept?.();
    } else if (name === 'tcpip-forward' && allowed && !servers.has(key)) {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
        forward(client, { host, port }, socket),
      );
      servers.set(key, server);
      server.once('listening', () => accept?.());
      server.on('error', (error) => {
        log(`${key}: ${error.message}`);
        servers.delete(key);
        reject?.();
      });
      server.listen(port, host);
    } else {
      log(`refused ${name} ${key}`);
      reject?.();
    }
  });
  client.on('close', () => {
    for (const server of servers.values()) server.close();
  });
}

function forward(client: Connection, at: { host: string; port: number }, socket: Socket): void {
  socket.on('error', () => socket.destroy());
  const raw = (client as unknown as { _sock: Duplex })._sock;
  const { remoteAddress = '', remotePort = 0 } = socket;
  client.forwardOut(at.host, at.port, remoteAddress, remotePort, (error, channel) => {
    if (error !== undefined) return void socket.resetAndDestroy();
    // As a server the library answers our end with a close, which takes the other way with it.
    (channel as unknown as { server: boolean }).server = false;
    void relay(socket, channel, { output: raw, cut: () => raw.destroyed });
  });
}
