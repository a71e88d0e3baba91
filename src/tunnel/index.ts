export { imageName } from './image.ts';
export { collectGarbage, listTunnels, removeTunnel, type TunnelEntry } from './inventory.ts';
export { defaultName, requireName, toLabel, userName } from './names.ts';
export { localAddress, parsePorts } from './ports.ts';
export { type ServeOptions, serve } from './serve.ts';
export { Tunnel, type TunnelIO } from './session.ts';
export type {
  ConnectionEvent,
  ReadyEvent,
  Traffic,
  Transport,
  TunnelEvent,
  TunnelPort,
  TunnelSpec,
  TunnelState,
} from './types.ts';
