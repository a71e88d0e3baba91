const ANY_TEXT = '[\\s\\S]*';
const patterns = new Map<string, RegExp>();

/** Matches a name with a pattern of `*`, `?`, `[abc]` and `[!abc]`, as Python's `fnmatchcase`. */
export function fnmatch(name: string, pattern: string): boolean {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = compile(pattern);
    patterns.set(pattern, compiled);
  }
  return compiled.test(name);
}

function compile(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at]!;
    const close = char === '[' ? pattern.indexOf(']', pattern[at + 1] === '!' ? at + 3 : at + 2) : -1;
    // Stars in a row are one: they would take exponential time.
    if (char === '*') source += source.endsWith(ANY_TEXT) ? '' : ANY_TEXT;
    else if (char === '?') source += '[\\s\\S]';
    else if (close > 0) {
      const inside = pattern
        .slice(at + 1, close)
        .replaceAll('\\', '\\\\')
        .replaceAll('[', '\\[');
      source += `[${inside.startsWith('!') ? `^${inside.slice(1)}` : inside.replace(/^\^/, '\\^')}]`;
      at = close;
    } else source += char.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
  }
  return new RegExp(`^${source}$`, '');
}
