// Writes the notebooks of data/examples/ out of the scripts beside them, whose cells begin with
// `# %%` (text with `# %% [markdown]`). With --check it only says which ones differ.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const EXAMPLES = fileURLToPath(new URL('../data/examples', import.meta.url));

const files = await readdir(EXAMPLES, { recursive: true });
for (const script of files.filter((file) => file.endsWith('.py')).sort()) {
  const path = join(EXAMPLES, script.replace(/\.py$/, '.ipynb'));
  const wanted = notebookOf(await readFile(join(EXAMPLES, script), 'utf8'));
  if (!process.argv.includes('--check')) await writeFile(path, wanted);
  else if ((await readFile(path, 'utf8').catch(() => '')) !== wanted) {
    process.stderr.write(`${path} is not what the script beside it says: run node scripts/notebooks.js\n`);
    process.exitCode = 1;
  }
}

/** Format: nbformat 4.5, https://nbformat.readthedocs.io. */
function notebookOf(script) {
  const cells = script.split(/^# %%/m).slice(1).map(cellOf);
  const metadata = {
    kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' },
    language_info: { name: 'python' },
  };
  return `${JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }, null, 1)}\n`;
}

function cellOf(text, index) {
  const [head, ...lines] = text.split('\n');
  const markdown = head.trim() === '[markdown]';
  const source = lines
    .map((line) => (markdown ? line.replace(/^# ?/, '') : line))
    .join('\n')
    .trim();
  const common = { id: `cell-${index + 1}`, metadata: {}, source: source.split(/(?<=\n)/) };
  return markdown
    ? { cell_type: 'markdown', ...common }
    : { cell_type: 'code', execution_count: null, outputs: [], ...common };
}
