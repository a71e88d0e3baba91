import * as z from 'zod';

const duration = z.string().regex(/^(\d+(\.\d+)?(ms|[dhms]))+$/, 'expected a span of time such as 8h or 90m');

/** The section `dev:` of a flavour: what `datamill dev` starts, and how pods reach it. */
export const Dev = z.strictObject({
  compose: z
    .string()
    .optional()
    .meta({ description: 'Compose file of the containers that `dev start -c` starts.' }),
  command: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .optional()
    .meta({ description: 'Program that `dev start` runs: a list of words, or a text for the shell.' }),
  ports: z
    .array(z.union([z.string(), z.number().transform(String)]))
    .default([])
    .meta({ description: 'Ports of the tunnel, CLUSTER[:[HOST:]LOCAL]. Default: 8000.' }),
  name: z.string().optional().meta({ description: 'Name of the tunnel. Default: <user>-tunnel.' }),
  transport: z
    .enum(['api', 'nodeport'])
    .default('api')
    .meta({ description: 'Through the API server, or through a node.' }),
  ttl: duration.default('8h').meta({
    description: 'The cluster removes the tunnel so long after this program was last heard of.',
  }),
  image: z.string().optional().meta({ description: 'tunnel, datamill, or any image with OpenSSH.' }),
  from: z
    .array(z.string())
    .default([])
    .meta({ description: 'Further namespaces whose pods may call it; * for all.' }),
  env: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .default({})
    .meta({ description: 'Variables for the program and the containers.' }),
  vault: z
    .union([z.boolean(), z.strictObject({ cacert: z.string().optional(), token: z.string().optional() })])
    .default(false)
    .meta({ description: 'Pass VAULT_CACERT (~/.vault-ca.pem) and VAULT_TOKEN (from ~/.vault-token).' }),
  google: z
    .union([z.boolean(), z.string()])
    .default(false)
    .meta({ description: 'Pass GOOGLE_APPLICATION_CREDENTIALS, the file of the gcloud login or another.' }),
});
export type Dev = z.infer<typeof Dev>;
