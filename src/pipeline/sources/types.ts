import type { Location } from '../../errors.ts';
import type { PyValue } from '../values.ts';

/** What is wanted of a source. */
export interface SourceQuery {
  /** The source: a file, absolute, or a dotted path of a function. */
  file: string;
  root: string;
  /** Folders in which modules are looked for, the first one first. */
  modules: string[];
  at: () => Location;
  upstream: boolean;
  product: boolean;
  /** `kernelspec_name` of the task. */
  kernel?: string;
}

/** What a source states. */
export interface Found {
  /** Names and patterns of tasks that it asks for, in order. */
  uses: Array<{ name: string; at?: () => Location }>;
  product?: PyValue;
  /** The file, where the source was not one itself. */
  file?: string;
  /** There is no cell tagged `parameters`, which Ploomber would write into the file. */
  missingCell?: boolean;
}
