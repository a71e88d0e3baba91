type Helper = (...args: unknown[]) => unknown;

/** Everything that a template can call; a fixed set, without access to files, time or the environment. */
export const helpers: Readonly<Record<string, Helper>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  not: (a) => !a,
  and: (...all) => all.every(Boolean),
  or: (...all) => all.some(Boolean),
  default: (a, fallback) => (a === null || a === undefined || a === '' ? fallback : a),
  lower: (a) => String(a).toLowerCase(),
  upper: (a) => String(a).toUpperCase(),
  replace: (a, from, to) => String(a).replaceAll(String(from), String(to)),
  join: (list, separator) => (Array.isArray(list) ? list : [list]).join(String(separator ?? ',')),
  json: (a) => JSON.stringify(a),
  // The spec of a claim; without a class the cluster's default counts, which null would not say.
  claim: (size, storageClass) => ({
    accessModes: ['ReadWriteOnce'],
    ...(typeof storageClass === 'string' ? { storageClassName: storageClass } : {}),
    resources: { requests: { storage: String(size) } },
  }),
  // For what may not be there, such as an optional need: {{get needs.db 'secret.name'}} is null then.
  get: (from, path) =>
    String(path)
      .split('.')
      .reduce<unknown>(
        (value, key) =>
          typeof value === 'object' && value !== null && Object.hasOwn(value, key)
            ? (value as Record<string, unknown>)[key]
            : null,
        from,
      ),
};
