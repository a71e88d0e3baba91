export { attachTo } from './attach.ts';
export { type DebugPod, debugPods } from './gc.ts';
export { type DebugKind, debugPod, SHELL } from './pod.ts';
export { attachRights, podRights, requireRights } from './rights.ts';
export { type Connect, deletePod, requireNode, runInPod } from './session.ts';
export { secretTexts, shownPod } from './show.ts';
