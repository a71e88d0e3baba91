import { Document, visit } from 'yaml';
import type { Template } from './workflow.ts';

/** Above this many tasks each gets one line. */
const MANY = 100;
const MARK = 'datamill-tasks';

/** The objects as YAML: scripts as blocks, long lists of tasks with a line for each. */
export function toWorkflowYaml(objects: readonly Template[], comment: string): string {
  return `${comment}${objects.map(one).join('---\n')}`;
}

function one(object: Template): string {
  const lists: unknown[][] = [];
  const marked = JSON.parse(JSON.stringify(object), (key, value) => {
    if (key !== 'tasks' || !Array.isArray(value) || value.length <= MANY) return value;
    lists.push(value);
    return [`${MARK}-${lists.length - 1}`];
  });
  const document = new Document(marked, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === 'string' && isRisky(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  const text = document.toString({ lineWidth: 0, blockQuote: 'literal' });
  return text.replace(new RegExp(`^( *)- ${MARK}-(\\d+)$`, 'gm'), (_, indent: string, index: string) =>
    lists[Number(index)]!.map((task) => `${indent}- ${JSON.stringify(task)}`).join('\n'),
  );
}

/** Argo and others read YAML 1.1, where `on`, `010`, `1e3` or a date is no text unless it is quoted. */
function isRisky(text: string): boolean {
  if (text.includes('\n')) return false;
  return (
    !/^[a-zA-Z/_][\w./:@ -]*$/.test(text) || /^(?:y|n|yes|no|on|off|true|false|null|nan|inf)$/i.test(text)
  );
}
