import { createHash } from 'node:crypto';

/** Labels and the names of pods are cut after so many characters. */
const LONGEST = 63;

/**
 * Names for Argo, by the names of tasks: lower-case letters, digits and dashes, beginning with a
 * letter, no two alike. A name that had to give up something of its own gets six digits of its
 * digest where another has the same; the result does not depend on the order of the tasks.
 */
export function argoNames(names: readonly string[]): Map<string, string> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const slug = slugOf(name);
    const group = groups.get(slug);
    if (group === undefined) groups.set(slug, [name]);
    else group.push(name);
  }
  const result = new Map<string, string>();
  const taken = new Set(names.filter((name) => slugOf(name) === name));
  for (const [slug, group] of groups) {
    const alone = group.length === 1 && slug.length <= LONGEST;
    for (const name of group.sort()) {
      const own = name === slug || (alone && !taken.has(slug));
      const chosen = own && slug.length <= LONGEST ? slug : withDigest(slug, name, taken);
      taken.add(chosen);
      result.set(name, chosen);
    }
  }
  return new Map(names.map((name) => [name, result.get(name)!]));
}

function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  // Argo takes no dependency on a name that begins with a digit.
  return /^[a-z]/.test(slug) ? slug : `t-${slug}`.replace(/-$/, '');
}

function withDigest(slug: string, name: string, taken: ReadonlySet<string>): string {
  const digest = createHash('sha256').update(name).digest('hex');
  for (let digits = 6; ; digits += 1) {
    const suffix = digest.slice(0, digits);
    const chosen = `${slug.slice(0, LONGEST - digits - 1).replace(/-$/, '')}-${suffix}`;
    if (!taken.has(chosen)) return chosen;
  }
}
