import * as z from 'zod';
import { checks } from './check.ts';
import { anyMap, anything, apiVersion, dnsLabel, version } from './common.ts';

/** Names that a component cannot have, because a flavour uses them for something else. */
export const reservedComponents = [
  'project',
  'local',
  'remote',
  'hybrid',
  'components',
  'external',
  'dev',
  'extends',
  'apiVersion',
  'secrets',
  'all',
];
/** Names that a setting cannot have, because every component takes them. */
export const reservedSettings = [
  'release',
  'namespace',
  'version',
  'config_file',
  'deployment_file',
  'values',
  'setup_timeout',
  'needs',
  'hooks',
  'k8s_namespace',
];

export const Chart = z
  .strictObject({
    path: z.string().optional().meta({
      description: 'A chart folder or .tgz, relative to this file; with git, the folder in the repository.',
    }),
    repo: z.string().optional().meta({ description: 'URL of a chart repository.' }),
    name: z.string().optional().meta({ description: 'Name of the chart in that repository.' }),
    oci: z.string().optional().meta({ description: 'oci:// reference of the chart.' }),
    git: z.string().optional().meta({ description: 'URL of a git repository.' }),
    ref: z.string().optional().meta({ description: 'Tag or commit in that repository.' }),
    version: version.optional().meta({ description: 'Exact version of the chart, quoted.' }),
    digest: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits')
      .optional(),
  })
  .check((context) => {
    const { repo, name, oci, git, ref, path, version: pinned } = context.value;
    const sources = [repo, oci, git].filter((source) => source !== undefined).length;
    const complain = (message: string) =>
      context.issues.push({ code: 'custom', message, input: context.value, path: [] });
    if (sources > 1) complain('name one source of the chart: repo, oci, git or path');
    else if (sources === 0 && path === undefined)
      complain(
        'name the source of the chart: path, repo with name and version, oci with version, or git with ref',
      );
    else if (repo !== undefined && (name === undefined || pinned === undefined))
      complain('a chart from a repo needs name and version');
    else if (oci !== undefined && pinned === undefined) complain('a chart from a registry needs version');
    else if (git !== undefined && ref === undefined) complain('a chart from git needs ref');
  });
export type Chart = z.infer<typeof Chart>;

const Need = z.union(
  [z.string(), z.strictObject({ capability: z.string(), optional: z.boolean().default(false) })],
  { error: 'expected the name of a capability, or {capability: postgres, optional: true}' },
);

const Hook = z.strictObject({
  name: dnsLabel,
  image: z.string(),
  command: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()).default({}),
  secret_env: z
    .record(z.string(), z.strictObject({ name: z.string(), key: z.string() }))
    .default({})
    .meta({ description: 'Variables from Secrets.' }),
  timeout: z.int().positive().default(300).meta({ description: 'Seconds.' }),
});
export type Hook = z.infer<typeof Hook>;

/** How a new value of a key comes into use, beside its place in the Secret. */
const Rotation = z.union(
  [
    z.enum(['roll', 'none']),
    z.strictObject({ job: Hook.omit({ name: true }) }).meta({
      description: 'A Job that changes the value inside the service; it gets OLD and NEW, and may run twice.',
    }),
  ],
  { error: 'expected roll, none, or {job: {image, command}}' },
);
export type Rotation = z.infer<typeof Rotation>;

const SecretKey = z.strictObject({
  generate: z
    .int()
    .min(8)
    .max(256)
    .optional()
    .meta({ description: 'Length of a random value of letters and digits, made once.' }),
  value: z
    .string()
    .optional()
    .meta({ description: 'A value that is no secret, such as a user name; a template.' }),
  rotate: Rotation.optional().meta({
    description:
      'What `datamill secrets rotate` does. roll (default): restart what uses it; none: it cannot be changed; or a job.',
  }),
});

const hooks = z.strictObject({ before: z.array(Hook).default([]), after: z.array(Hook).default([]) });

const Link = z.strictObject({
  service: z.string(),
  port: z.union([z.int(), z.string()]),
  path: z.string().default('/'),
  scheme: z.enum(['http', 'https', 'tcp']).default('http'),
});
export type Link = z.infer<typeof Link>;

const body = {
  apiVersion,
  summary: z.string().default('').meta({ description: 'One sentence for lists.' }),
  chart: Chart.optional().meta({
    description:
      'What is installed: path, or repo with name and version, or oci with version, or git with ref and path.',
  }),
  default: z
    .boolean()
    .default(false)
    .meta({ description: 'Preferred when several components provide the same and nobody chose.' }),
  namespace: z
    .string()
    .optional()
    .meta({ description: 'Namespace when the flavour names none. Default: that of the project.' }),
  needs: z.record(z.string(), Need).default({}).meta({ description: 'Local name: capability.' }),
  after: z
    .array(z.string())
    .default([])
    .meta({ description: 'Components that come first when both are in the flavour.' }),
  provides: z
    .record(z.string(), anyMap)
    .default({})
    .meta({ description: 'Capability: its fields (templates).' }),
  config: z.record(z.string(), anyMap).default({}).meta({ description: 'Settings, in JSON Schema words.' }),
  secrets: z
    .record(z.string(), z.record(z.string(), SecretKey))
    .default({})
    .meta({ description: 'Secrets that are made once and kept; names are templates.' }),
  literal_secrets: z.array(z.string()).default([]).meta({
    description:
      'Paths in the Helm values, such as auth.password, that hold {secret, key} and get the value itself: for charts that take no reference.',
  }),
  buckets: z
    .array(z.string())
    .default([])
    .meta({ description: 'Buckets to make first, asked of the s3 that this component needs; templates.' }),
  objects: z.array(anyMap).default([]).meta({ description: 'Objects applied after the chart; templates.' }),
  crds: z
    .strictObject({
      values: anyMap.optional().meta({
        description: 'Helm values under which the chart renders its definitions among its templates.',
      }),
    })
    .prefault({})
    .meta({
      description:
        "Where custom kinds come from beside the chart's crds folder; they are installed before the release and never deleted with it.",
    }),
  namespaces: z
    .array(z.strictObject({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }))
    .default([])
    .meta({ description: 'Namespaces that must be there, with labels; templates.' }),
  hooks: hooks.prefault({}).meta({ description: 'Jobs that run before and after the component; templates.' }),
  checks: checks.meta({ description: 'How the running service is used for real; templates.' }),
  links: z.record(z.string(), Link).default({}).meta({ description: 'What a person opens; templates.' }),
  images: z
    .array(z.string())
    .default([])
    .meta({ description: 'Images that the rendered chart does not show; templates.' }),
  apply: z
    .enum(['server', 'client'])
    .default('server')
    .meta({ description: 'client: for charts that server-side apply refuses.' }),
  wait: z.enum(['watcher', 'legacy']).default('watcher').meta({ description: "Helm's wait strategy." }),
  requires: z
    .strictObject({
      kubernetes: z.string().optional(),
      gpu: z.boolean().default(false),
      cpu: z.string().optional(),
      memory: z.string().optional(),
    })
    .prefault({})
    .meta({ description: 'What the cluster must offer: {kubernetes: ">=1.28", gpu, cpu, memory}.' }),
  upgrades: z.array(anyMap).default([]).meta({ description: 'What must be known or done between majors.' }),
  values: anything
    .optional()
    .meta({ description: 'Inline Helm values of a component that is defined in a flavour.' }),
};

/** `component.yaml`. */
export const ComponentFile = z.strictObject({
  name: dnsLabel.meta({ description: 'Its name, which is that of its folder too.' }),
  ...body,
});
/** A component defined inside a flavour, under `components:`; its key is its name. */
export const InlineComponent = z.strictObject(body);
export type ComponentSpec = z.infer<typeof ComponentFile>;

/** What a flavour may say of any component, beside the component's own settings. */
export const sectionWords = {
  release: z
    .string()
    .optional()
    .meta({ description: 'Name of the Helm release. Default: that of the component.' }),
  namespace: dnsLabel.optional().meta({ description: 'Namespace of the release.' }),
  version: version
    .optional()
    .meta({ description: 'Version of the chart, instead of the pinned one; quoted.' }),
  config_file: z.string().optional().meta({ description: 'Helm values file.' }),
  deployment_file: z.string().optional().meta({ description: "File whose objects replace the component's." }),
  storage_class: z.string().nullable().optional().meta({ description: 'Storage class of its volumes.' }),
  setup_timeout: z
    .int()
    .min(0)
    .optional()
    .meta({ description: 'Seconds until ready; 0 is the default of 600.' }),
  needs: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'Which component serves a need: {datalake: seaweedfs}.' }),
  values: anyMap.optional().meta({ description: 'Helm values, over all others.' }),
  hooks: hooks.optional().meta({ description: "Jobs before and after, beside the component's own." }),
};
