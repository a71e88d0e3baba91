import * as z from 'zod';

// Most schemas here are used once in a run: compiling each to a function costs more than it saves.
z.config({ jitless: true });

/** RFC 1123 label: what namespaces, components and releases may be called. */
export const dnsLabel = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    'must be a DNS label: lower-case letters, digits and dashes, not at its ends',
  )
  .max(63, 'must be a DNS label: at most 63 characters');

/** Helm refuses release names that are longer than 53 characters. */
export const releaseName = dnsLabel.max(53, 'must have at most 53 characters, as Helm demands');

/** Quantity such as 60G or 512Mi (Kubernetes), or a bare number. */
export const quantity = z
  .union([z.string().regex(/^\d+(\.\d+)?([EPTGMk]|[EPTGMK]i|m)?$/), z.number().positive()], {
    error: 'expected a quantity such as 60G, 512Mi or 2',
  })
  .transform(String);

export const version = z.string({
  error: (issue) => (typeof issue.input === 'number' ? 'expected text, got a number' : undefined),
});

export const apiVersion = z
  .literal('datamill.io/v1', { error: 'this program knows only "datamill.io/v1"' })
  .optional()
  .meta({
    description: 'Version of this file format; may be left out.',
  });

/** Anything at all; the chart or the cluster judges it. */
export const anything = z.unknown();
export const anyMap = z.record(z.string(), z.unknown());
