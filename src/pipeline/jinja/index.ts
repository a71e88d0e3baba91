/** Jinja templates, read as far as the graph needs them. */
export { accesses, constantOf } from './access.ts';
export { CURLY, JinjaSyntax, SQUARE } from './lex.ts';
export { fillIn } from './render.ts';
export { readTemplate, undeclared } from './template.ts';
