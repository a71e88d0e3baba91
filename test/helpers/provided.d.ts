import 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The rehearsal cluster that test/control-plane/setup.ts brings up for all files. */
    rehearsal: {
      name: string;
      kubeconfig: string;
      context: string;
      /** XDG_STATE_HOME of the cluster. */
      state: string;
      /** Folder of the program, bundled from the sources as they are now. */
      cli: string;
    };
    /** What this machine lacks to run real pods; empty when test/e2e/setup.ts brings them up. */
    testbed: { missing: string[] };
  }
}
