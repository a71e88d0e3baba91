import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createRedactor, redact, registerSecrets } from '../../../src/util/redact.ts';

const secret = 's3cr3t/with "quotes" & ümlaut\\';

function redactorOf(...secrets: string[]) {
  const redactor = createRedactor();
  redactor.add(...secrets);
  return redactor;
}

async function piped(
  redactor: ReturnType<typeof createRedactor>,
  chunks: (string | Buffer)[],
): Promise<string> {
  return text(Readable.from(chunks, { objectMode: false }).pipe(redactor.stream()));
}

/** The same numbers every time, so that a failure can be repeated. */
function numbers(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % below;
  };
}

describe('redact', () => {
  it.each([
    ['in clear', secret],
    ['as base64', Buffer.from(secret).toString('base64')],
    ['as base64 for URLs', Buffer.from(secret).toString('base64url')],
    ['in a URL', encodeURIComponent(secret)],
    ['in a form', encodeURIComponent(secret).replaceAll('%20', '+')],
    ['in a URL with small letters', encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase())],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
  ])('hides a secret %s', (_name, form) => {
    expect(redactorOf(secret).redact(`before ${form} after`)).toBe('before *** after');
  });

  it.each(['a:', 'ab:', 'abc:', 'user-name:'])(
    'hides a secret that was encoded together with %s',
    (prefix) => {
      const encoded = Buffer.from(`${prefix}correct-horse-battery:more`).toString('base64');
      const shown = redactorOf('correct-horse-battery').redact(`Authorization: Basic ${encoded}`);
      expect(shown).toContain('***');
      expect(Buffer.from(shown.split(' ')[2] ?? '', 'base64').toString()).not.toMatch(/correct|horse|batter/);
    },
  );

  it('hides the lines of a key one by one', () => {
    const lines = ['MIIEvQIBADANBgkqhkiG9w0', 'BAQEFAASCBKcwggSjAgEAAo'];
    const redactor = redactorOf(`-----BEGIN KEY-----\n${lines.join('\n')}\n-----END KEY-----\n`);
    expect(redactor.redact(`  ${lines[0]}\n  ${lines[1]}\n`)).toBe('  ***\n  ***\n');
  });

  it('leaves nothing over of secrets that overlap', () => {
    expect(redactorOf('abcdef', 'defghi').redact('xx abcdefghi yy')).toBe('xx *** yy');
    expect(redactorOf('pass', 'password').redact('a password')).toBe('a ***');
  });

  it('does not take characters of a secret for a pattern', () => {
    expect(redactorOf('a.*b$').redact('a.*b$ axxb$')).toBe('*** axxb$');
  });

  it('does not hide values that are too short to be secret', () => {
    expect(redactorOf('', 'abc').redact('an abc')).toBe('an abc');
  });

  it('has one register for all that prints', () => {
    registerSecrets('shared-secret-value');
    expect(redact('a shared-secret-value')).toBe('a ***');
  });
});

describe('the stream', () => {
  it('finds a secret that is cut at any place', async () => {
    const redactor = redactorOf(secret);
    const whole = Buffer.from(`before ${secret} after`);
    for (let cut = 0; cut <= whole.length; cut += 1) {
      expect(await piped(redactor, [whole.subarray(0, cut), whole.subarray(cut)])).toBe('before *** after');
    }
  });

  it('writes what the text as a whole would be, however it comes in', async () => {
    const next = numbers(11);
    const redactor = redactorOf('abab', 'babaab', 'aabbaabb', 'bbbb');
    for (let round = 0; round < 300; round += 1) {
      const whole = Array.from({ length: 5 + next(60) }, () => 'ab-'[next(next(4) === 0 ? 3 : 2)]).join('');
      const chunks: string[] = [];
      for (let at = 0; at < whole.length; ) {
        const size = 1 + next(7);
        chunks.push(whole.slice(at, at + size));
        at += size;
      }
      expect(await piped(redactor, chunks)).toBe(redactor.redact(whole));
    }
  });

  it('does not hold back what cannot be the beginning of a secret', async () => {
    const stream = redactorOf('a-very-long-secret-indeed').stream();
    stream.write('one line\n');
    expect(String(stream.read())).toBe('one line\n');
    stream.write('two a-very-');
    expect(String(stream.read())).toBe('two ');
    stream.end('large thing\n');
    expect(await text(stream)).toBe('a-very-large thing\n');
  });

  it('knows secrets that were registered after it was made', async () => {
    const redactor = createRedactor();
    const stream = redactor.stream();
    redactor.add('late-secret');
    stream.end('a late-secret');
    expect(await text(stream)).toBe('a ***');
  });
});
