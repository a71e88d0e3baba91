import type { SshKey } from '../ssh/index.ts';
import { SSH_PORT } from './ports.ts';
import type { Transport } from './types.ts';

/** The user in the pod, who has no password, no home and no shell. */
export const SSH_USER = 'tunnel';
export const SSH_UID = 65_532;
/** Where the Secret is mounted. */
export const FOLDER = '/etc/datamill/tunnel';
export const SSHD = '/usr/sbin/sshd';

export interface ServerFacts {
  hostKey: SshKey;
  clientKey: SshKey;
  /** Where the server may be asked to listen. */
  listen: ReadonlyArray<{ host: string; port: number }>;
  transport: Transport;
}

/** The files of the Secret, by name. */
export function serverFiles(facts: ServerFacts): Record<string, string> {
  return {
    host_key: facts.hostKey.privateKey,
    authorized_keys: authorizedKeys(facts),
    sshd_config: sshdConfig(facts),
    passwd: passwd(),
    'server.json': `${JSON.stringify(nodeServer(facts))}\n`,
  };
}

function places({ listen }: ServerFacts): string[] {
  return listen.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
}

/** The port-forward of the API server comes out on the pod's loopback: nobody else need get there. */
function address(transport: Transport): string {
  return transport === 'api' ? '127.0.0.1' : '0.0.0.0';
}

/**
 * One key may ask to listen on these ports, and nothing else. `restrict` alone does not stop
 * commands: MaxSessions 0 does, and the commands that nobody can reach are false twice more.
 */
function sshdConfig(facts: ServerFacts): string {
  return `${[
    `Port ${SSH_PORT}`,
    `ListenAddress ${address(facts.transport)}`,
    `HostKey ${FOLDER}/host_key`,
    'PidFile none',
    'AllowUsers tunnel',
    'AuthenticationMethods publickey',
    `AuthorizedKeysFile ${FOLDER}/authorized_keys`,
    // The files are root's, and the folder a mount.
    'StrictModes no',
    'PubkeyAuthentication yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'HostbasedAuthentication no',
    'PermitRootLogin no',
    'HostKeyAlgorithms ssh-ed25519',
    'PubkeyAcceptedAlgorithms ssh-ed25519',
    'AllowTcpForwarding remote',
    `PermitListen ${places(facts).join(' ')}`,
    'PermitOpen none',
    'GatewayPorts clientspecified',
    'AllowStreamLocalForwarding no',
    'AllowAgentForwarding no',
    'X11Forwarding no',
    'PermitTunnel no',
    'PermitTTY no',
    'PermitUserRC no',
    'PermitUserEnvironment no',
    'MaxSessions 0',
    'ForceCommand /bin/false',
    'MaxAuthTries 2',
    'MaxStartups 10:30:60',
    'LoginGraceTime 10',
    // A client that vanished frees its ports after 15 s.
    'ClientAliveInterval 5',
    'ClientAliveCountMax 2',
    'Compression no',
    'UseDNS no',
    'PrintMotd no',
    'LogLevel INFO',
  ].join('\n')}\n`;
}

function authorizedKeys(facts: ServerFacts): string {
  const ports = places(facts).map((place) => `permitlisten="${place}"`);
  const limits = ['restrict', 'port-forwarding', 'command="/bin/false"', ...ports];
  return `${limits.join(',')} ${facts.clientKey.publicKey}\n`;
}

/** sshd wants a user who has a shell that exists; of an image with sshd only sshd is known to. */
function passwd(): string {
  return `root:x:0:0:root:/:${SSHD}\n${SSH_USER}:x:${SSH_UID}:${SSH_UID}:tunnel:/:${SSHD}\n`;
}

/** What `datamill tunnel serve` reads, in our own image. */
export interface NodeServer {
  host: string;
  port: number;
  user: string;
  clientKey: string;
  listen: ReadonlyArray<{ host: string; port: number }>;
}

function nodeServer({ clientKey, listen, transport }: ServerFacts): NodeServer {
  return {
    host: address(transport),
    port: SSH_PORT,
    user: SSH_USER,
    clientKey: clientKey.publicKey,
    listen,
  };
}
