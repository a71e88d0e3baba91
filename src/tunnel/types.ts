/** One port of the cluster that leads to this machine. */
export interface TunnelPort {
  /** The port of the service, which pods call. */
  cluster: number;
  /** Where on this machine, or near it, it ends. */
  host: string;
  local: number;
}

export type Transport = 'api' | 'nodeport';

export interface TunnelSpec {
  /** Name of the service, and of everything else that is made. */
  name: string;
  namespace: string;
  ports: TunnelPort[];
  transport: Transport;
  /** Seconds after the last sign of life of this program when the cluster removes it all by itself. */
  ttl: number;
  image: string;
  /** Namespaces beside its own whose pods may call it; `*` is all of them. */
  from: string[];
  /** What to do when there is a tunnel of this name: keep its service, or make everything anew. */
  existing?: 'reuse' | 'replace';
}

/** creating -> connecting -> ready, then reconnecting and ready again; closed is the last one. */
export type TunnelState = 'creating' | 'connecting' | 'ready' | 'reconnecting' | 'closed';

/** What happens, told as it happens. */
export type TunnelEvent =
  | { type: 'state'; state: TunnelState; message: string }
  | ReadyEvent
  | ConnectionEvent
  /** Nothing answers on this machine, or something does again. */
  | { type: 'local'; port: number; local: string; up: boolean; message: string }
  | { type: 'warning'; message: string };

export interface ReadyEvent {
  type: 'state';
  state: 'ready';
  message: string;
  /** `alice-tunnel.training.svc` */
  service: string;
  /** What pods call, one for each port. */
  urls: string[];
  ports: Array<{ cluster: number; local: string }>;
  /** `SHA256:…` of the server's key. */
  hostKey: string;
  transport: Transport;
  /** How often it was connected, with this time. */
  attempt: number;
}

/** A connection of a pod that is over. */
export interface ConnectionEvent {
  type: 'connection';
  id: number;
  port: number;
  peer: string;
  /** Bytes from the pod. */
  received: number;
  /** Bytes to the pod. */
  sent: number;
  seconds: number;
  error?: string;
}

/** Numbers of a running tunnel. */
export interface Traffic {
  open: number;
  total: number;
  failed: number;
  received: number;
  sent: number;
  lastError?: string;
}
