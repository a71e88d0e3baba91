export { attachTo } from './attach.ts';
export { type DebugPod, debugPods } from './gc.ts';
export { ownerMetadata } from './labels.ts';
export { type DebugKind, debugPod, SHELL } from './pod.ts';
export { attachRights, podRights, requireRights } from './rights.ts';
export {
  type Connect,
  creationError,
  deletePod,
  type RunCommand,
  requireNode,
  runInPod,
  withPod,
} from './session.ts';
export { secretTexts, shownPod } from './show.ts';
export { readPod } from './wait.ts';
