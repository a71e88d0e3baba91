import { Composer, type CST, LineCounter, type Node, Parser, type ScalarTag } from 'yaml';
import { configError, type DatamillError, type Location } from '../errors.ts';

/** The syntax tree of one YAML document. */
export interface Source {
  file: string;
  contents: Node | null;
  /** Line and column of an offset. */
  place(offset: number): Location;
}

const MAX_DIRECTIVES = 8;
/** Deeper than this is no configuration. */
const MAX_DEPTH = 200;

/**
 * Reads text into syntax trees.
 *
 * @param several whether more than one document may stand in it.
 * @param scalars how plain scalars are read, instead of the YAML 1.2 core schema.
 * @throws {DatamillError} YAML_SYNTAX (exit 2) with the first problem.
 */
export function composeYaml(
  text: string,
  file: string,
  several: boolean,
  scalars?: readonly ScalarTag[],
): Source[] {
  // The parser makes an error object per mistake; a stack for each of a million takes many seconds.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return compose(text, file, several, scalars);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function compose(text: string, file: string, several: boolean, scalars?: readonly ScalarTag[]): Source[] {
  const lines = new LineCounter();
  const place = (offset: number): Location => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const tokens = checked(new Parser(lines.addNewLine).parse(text), place);
  const composer = new Composer({
    // Checked in data.ts, in linear time.
    uniqueKeys: false,
    prettyErrors: false,
    customTags: (tags) => [
      ...(scalars === undefined ? tags : [...tags.filter(isCollection), ...scalars]),
      { tag: '!hbs', resolve: (value: string) => value },
    ],
  });
  const sources: Source[] = [];
  for (const doc of composer.compose(tokens, true, text.length)) {
    const problem = doc.errors[0] ?? doc.warnings.find(({ code }) => code === 'TAG_RESOLVE_FAILED');
    if (problem !== undefined) throw syntaxError(problem.message, place(problem.pos[0]));
    if (!several && sources.length > 0)
      throw syntaxError('there are several documents in one file', place(doc.range[0]));
    sources.push({ file, contents: doc.contents, place });
  }
  return sources;
}

function isCollection(tag: unknown): boolean {
  return typeof tag === 'object' && tag !== null && 'collection' in tag;
}

/**
 * Passes tokens on. One error is told, so nothing behind it is read: a file of errors would take
 * for ever. What is too deep is found here, without recursion: the composer would exhaust the call
 * stack, and a regular expression that is compiled at its end takes the whole process down.
 */
function* checked(tokens: Iterable<CST.Token>, place: (offset: number) => Location): Generator<CST.Token> {
  let directives = 0;
  for (const token of tokens) {
    const deep = tooDeep(token);
    if (deep !== undefined) throw syntaxError('it is nested too deeply', place(deep.offset));
    yield token;
    if (token.type === 'directive') directives += 1;
    if (token.type === 'error' || directives > MAX_DIRECTIVES) return;
  }
}

function tooDeep(top: CST.Token): CST.Token | undefined {
  const open = [{ token: top, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > MAX_DEPTH) return token;
    const push = (child: CST.Token | null | undefined) => {
      // Only what holds others can be deep.
      if (child && 'items' in child) open.push({ token: child, depth: depth + 1 });
    };
    if (token.type === 'document') push(token.value);
    else if ('items' in token) {
      for (const { key, value } of token.items) {
        push(key);
        push(value);
      }
    }
  }
  return undefined;
}

export function syntaxError(message: string, at: Location): DatamillError {
  const first = message.split('\n')[0] ?? message;
  return configError('YAML_SYNTAX', `this is not valid YAML: ${first}`, {
    at,
    hint: syntaxHint(first),
  });
}

function syntaxHint(message: string): string {
  if (/tab/i.test(message)) return 'indent with spaces, not with tabs';
  if (/twice/i.test(message)) return 'remove one of the two: a key may stand only once in a map';
  if (/several documents/i.test(message)) return 'put each document into a file of its own';
  if (/nested too deeply/i.test(message)) return 'no document of data-mill needs more than a dozen levels';
  if (/tag/i.test(message))
    return '!hbs, before a text, is the only tag of data-mill; quote what begins with "!"';
  if (/key/i.test(message) && !/key:/i.test(message)) return 'a key is a word or a quoted text';
  return 'check quotes, brackets and indentation here and on the line above; quote a value that holds ": " or " #"';
}
