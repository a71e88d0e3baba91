import * as z from 'zod';
import type { Location } from '../../errors.ts';
import type { Path } from '../document.ts';

/** RFC 1123 subdomain, which the API server demands of a Secret's name. */
export const secretName = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    'must be the name of a Secret: lower-case letters, digits, dashes and dots',
  )
  .max(253, 'must be the name of a Secret: at most 253 characters');

/** What a key of a Secret may be. */
export const secretKey = z
  .string()
  .regex(/^[-._a-zA-Z0-9]+$/, 'must be a key of a Secret: letters, digits, dashes, dots and underscores')
  .max(253, 'must be a key of a Secret: at most 253 characters');

const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable');

/** A map whose keys are checked, with a message that says what is wrong with one. */
function named<T extends z.ZodType>(key: z.ZodType, value: T) {
  return z.record(z.string(), value).check(({ value: map, issues }) => {
    for (const name of Object.keys(map)) {
      const message = key.safeParse(name).error?.issues[0]?.message;
      if (message !== undefined)
        issues.push({
          code: 'custom',
          message: `${message} (got "${name}")`,
          input: undefined,
          path: [name],
        });
    }
  });
}

const Vault = z.strictObject({
  address: z.string().optional().meta({
    description: 'URL of the server. Default: VAULT_ADDR.',
  }),
  ca_file: z.string().optional().meta({
    description: 'Its certificate authority. Default: VAULT_CACERT, else ~/.vault-ca.pem if it is there.',
  }),
  token_file: z.string().optional().meta({
    description: 'File with the token. Default: VAULT_TOKEN, else ~/.vault-token.',
  }),
  path: z
    .string()
    .regex(/^[^/\s]+(\/[^/\s]+)+$/, 'must be a mount and a folder in it, such as secret/data-mill')
    .meta({ description: 'Mount and folder (KV version 2): each entry of the folder is a Secret.' }),
  mount: z.string().optional().meta({
    description: 'The mount, where it is more than the first word of the path.',
  }),
  names: z.array(secretName).optional().meta({
    description: 'The entries to read, for tokens that may not list the folder.',
  }),
});
export type Vault = z.infer<typeof Vault>;

/** `secrets:` of a flavour: where its own Secrets come from. No value stands in the flavour. */
export const Secrets = z.strictObject({
  file: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta({
      description: 'YAML file of the form `NAME: {key: value}`, encrypted with sops and age, or plain.',
    }),
  env: named(secretName, named(secretKey, variable)).optional().meta({
    description: 'Values from the environment: {NAME: {key: VARIABLE}}.',
  }),
  vault: Vault.optional().meta({ description: 'Values from a Vault server.' }),
});
export type Secrets = z.infer<typeof Secrets>;

/** The section as it was read, and where each word of it stands. */
export interface SecretsSection {
  words: Secrets;
  locate(path: Path, part?: 'key' | 'value'): Location;
}
