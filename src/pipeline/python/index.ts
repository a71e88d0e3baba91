/** Python source text, read and never run. */
export { findDefinition } from './functions.ts';
export { evaluate, NotConstant } from './literal.ts';
export { readStatements } from './statements.ts';
export { tokenize } from './tokens.ts';
export { readVariable, upstreamNames, upstreamUses } from './upstream.ts';
