import { parsePipelineText } from '../document.ts';
import { isMap } from '../values.ts';

/** What the YAML at the head of a script says about its form. */
export interface Header {
  format?: string;
  markers?: string;
  kernel?: string;
  /** The line on which the first cell may begin, from 0. */
  next: number;
}

/** Reads the head that Jupytext writes between lines `# ---`. */
export function readHeader(lines: readonly string[], comment: string): Header {
  let first = 0;
  if (lines[first]?.startsWith('#!')) first += 1;
  if (/^[ \t\f]*#.*?coding[:=][ \t]*[-_.a-zA-Z0-9]+/.test(lines[first] ?? '')) first += 1;
  const body: string[] = [];
  let started = false;
  for (let at = first; at < lines.length; at += 1) {
    const line = lines[at]!;
    if (!line.startsWith(comment)) break;
    const text = line.slice(comment.length).replace(/^ /, comment === '' ? ' ' : '');
    if (/^---\s*$/.test(text)) {
      if (started) return { ...describe(body), next: lines[at + 1]?.trim() === '' ? at + 2 : at + 1 };
      started = true;
    } else if (!started && text.trim() !== '') break;
    else if (started) body.push(text);
  }
  return { next: first };
}

function describe(body: readonly string[]): Omit<Header, 'next'> {
  try {
    const { data } = parsePipelineText(body.join('\n'), 'header');
    const jupyter = isMap(data) && isMap(data.jupyter) ? data.jupyter : {};
    const jupytext = isMap(jupyter.jupytext) ? jupyter.jupytext : {};
    const form = isMap(jupytext.text_representation) ? jupytext.text_representation : {};
    const kernel = isMap(jupyter.kernelspec) ? jupyter.kernelspec.name : undefined;
    return { format: text(form.format_name), markers: text(jupytext.cell_markers), kernel: text(kernel) };
  } catch {
    return {};
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
