import * as z from 'zod';
import { dnsLabel } from './common.ts';

const list = z.union([z.string(), z.array(z.string())], {
  error: 'expected a comma-separated list, a YAML list, or "all"',
});

/** `project:` of a flavour. */
export const Project = z.strictObject({
  name: dnsLabel.optional().meta({
    description: 'Identity of this project in the cluster. Default: base name of the flavour file.',
  }),
  k8s_namespace: dnsLabel
    .default('data-mill')
    .meta({ description: 'Namespace of the components that name no other.' }),
  proxy_port: z.int().min(1).max(65535).default(8088).meta({ description: 'Local port of the API proxy.' }),
  flavour: list
    .optional()
    .meta({ description: 'The components: a comma-separated list, a YAML list, or "all".' }),
  k8s_default_config: z
    .string()
    .optional()
    .meta({ description: 'Target file when neither -t nor an inline section says where.' }),
  component_default_config: z.string().default('config.yaml').meta({
    description:
      "Settings file in a component's folder, used when there is none with the flavour file's name.",
  }),
  config_folder: z.string().optional().meta({
    description:
      'Where config_file and deployment_file are looked for, instead of the folder of the flavour.',
  }),
  components_folder: z
    .string()
    .optional()
    .meta({ description: 'A folder with components of your own, beside the packaged ones.' }),
  data_folder: z.string().optional().meta({
    description: 'A folder whose folders become buckets: `up` and `data push` send what is in them.',
  }),
  mount_data: z.boolean().default(false).meta({
    description:
      'Mount `data_folder` read-only at /data into the components that take it, where the target shares folders.',
  }),
  providers: z.record(z.string(), z.string()).default({}).meta({
    description: 'Which component provides a capability when several could: {s3: seaweedfs}.',
  }),
});
export type Project = z.infer<typeof Project>;
