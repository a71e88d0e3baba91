import type { SshWay } from '../../ssh/index.ts';
import { shellWords } from '../../util/shell.ts';
import { argvOf, type Place } from '../planned/place.ts';

/** The machine at the other end: sudo asks nobody there, so it must not have to. */
export function placeOver(way: SshWay): Place {
  return {
    run: async (step, { signal, onLine } = {}) => {
      const machine = await way.machine();
      return await machine.exec(shellWords(argvOf(step)), { input: step.input, signal, onLine });
    },
    upload: async (from, to, mode, { signal } = {}) => {
      const machine = await way.machine();
      await machine.upload(from, to, mode, { signal });
    },
  };
}
