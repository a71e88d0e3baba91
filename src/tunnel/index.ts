export { imageName } from './image.ts';
export { collectGarbage, listTunnels, removeTunnel, type TunnelEntry } from './inventory.ts';
export { defaultName, requireName } from './names.ts';
export { parsePorts } from './ports.ts';
export { serve } from './serve.ts';
export { Tunnel } from './session.ts';
export type { Traffic, TunnelEvent, TunnelSpec } from './types.ts';
