import * as z from 'zod';
import { readDocument } from '../config/read.ts';
import { validate } from '../config/validate.ts';

const NamesFile = z.strictObject({
  aliases: z.record(z.string(), z.string()),
  planned: z.array(z.string()),
  gone: z.record(z.string(), z.string()),
});

export interface Names {
  /** Second names of components. */
  aliases: ReadonlyMap<string, string>;
  /** Names that validate but cannot be installed yet. */
  planned: ReadonlySet<string>;
  /** Names of what is not to be had any more, and what to use instead. */
  gone: ReadonlyMap<string, string>;
}

/** Reads `components/names.yaml`. */
export function loadNames(file: string): Names {
  const document = readDocument(file, 'names');
  const names = validate(NamesFile, document.data, { document, path: [], label: '' });
  return {
    aliases: new Map(Object.entries(names.aliases)),
    planned: new Set(names.planned),
    gone: new Map(Object.entries(names.gone)),
  };
}
