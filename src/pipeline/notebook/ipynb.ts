/** The parameters cell of a notebook. */
export interface NotebookCell {
  source: string;
  /** Which cell it is, from 0, and whether its text is a list of lines. */
  index: number;
  lines: boolean;
}

export interface Notebook {
  cell?: NotebookCell;
  kernel?: string;
  language?: string;
  /** All cells together, to tell R from Python where nothing else does. */
  code: string;
}

/**
 * Reads a Jupyter notebook of format 4 (nbformat.readthedocs.io).
 *
 * @returns a sentence when it is none.
 */
export function readNotebook(text: string): Notebook | string {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return 'this is not valid JSON';
  }
  const book = asMap(data);
  if (book.nbformat !== 4) return 'this is no Jupyter notebook of format 4';
  if (!Array.isArray(book.cells)) return 'this notebook has no cells';
  const kernelspec = asMap(asMap(book.metadata).kernelspec);
  const cells = book.cells.map(asMap);
  const index = cells.findIndex((cell) => tagged(asMap(cell.metadata).tags));
  return {
    cell:
      index < 0
        ? undefined
        : { source: sourceOf(cells[index]!), index, lines: Array.isArray(cells[index]!.source) },
    kernel: asText(kernelspec.name),
    language: asText(kernelspec.language)?.toLowerCase(),
    code: cells.map(sourceOf).join('\n'),
  };
}

function tagged(tags: unknown): boolean {
  return Array.isArray(tags) && tags.includes('parameters');
}

function sourceOf({ source }: Record<string, unknown>): string {
  if (Array.isArray(source)) return source.map(String).join('');
  return typeof source === 'string' ? source : '';
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
