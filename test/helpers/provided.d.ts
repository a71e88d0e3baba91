import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The rehearsal cluster that test/control-plane/setup.ts brings up for all files. */
    rehearsal: { name: string; kubeconfig: string; context: string };
  }
}
