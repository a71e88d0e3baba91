import type { Files } from './workspace.ts';

export interface BadInput {
  files: Files;
  /** The flavour that is named; `flavour.yaml` when nothing is said. */
  flavour?: string;
  code: string;
  /** Base name of the file that is blamed; the flavour when nothing is said. */
  file?: string;
  at?: [line: number, column: number];
  says: RegExp;
  hint: RegExp;
}

const flavour = (text: string): Files => ({ 'flavour.yaml': text });

const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
  .concat(
    [...'bcdefghij'].map((name, index) => `${name}: &${name} [${`*${'abcdefghi'[index]}, `.repeat(9)}]`),
  )
  .join('\n');

/** One mistake each, and what must be said of it. */
export const badInput: Record<string, BadInput> = {
  'YAML that does not parse': {
    files: flavour('project:\n  flavour: [minio\n'),
    code: 'YAML_SYNTAX',
    at: [3, 1],
    says: /not valid YAML: .*sequence/,
    hint: /brackets/,
  },
  'a tab as indentation': {
    files: flavour('project:\n\tflavour: minio\n'),
    code: 'YAML_SYNTAX',
    at: [2, 1],
    says: /Tabs/,
    hint: /spaces/,
  },
  'a key that stands twice': {
    files: flavour('project:\n  flavour: minio\n  flavour: dask\n'),
    code: 'YAML_SYNTAX',
    at: [3, 3],
    says: /"flavour" stands twice/,
    hint: /remove one/,
  },
  'the key __proto__': {
    files: flavour('project: { flavour: minio }\nminio: { values: { "__proto__": { a: 1 } } }\n'),
    code: 'YAML_SYNTAX',
    at: [2, 20],
    says: /__proto__/,
    hint: /key/,
  },
  'the key __proto__ through an alias': {
    files: flavour('project: { flavour: &p __proto__ }\nminio: { values: { ? *p : { a: 1 } } }\n'),
    code: 'YAML_SYNTAX',
    at: [2, 22],
    says: /plain text/,
    hint: /key/,
  },
  'a list as a key': {
    files: flavour('project: { flavour: minio }\nminio: { values: { ? [a] : 1 } }\n'),
    code: 'YAML_SYNTAX',
    at: [2, 22],
    says: /plain text/,
    hint: /key/,
  },
  'an unknown tag': {
    files: flavour('project: { flavour: minio }\nminio: { values: { a: !Ref b } }\n'),
    code: 'YAML_SYNTAX',
    at: [2, 23],
    says: /!Ref/,
    hint: /!hbs/,
  },
  'several documents': {
    files: flavour('project: { flavour: minio }\n---\nproject: { flavour: dask }\n'),
    code: 'YAML_SYNTAX',
    at: [2, 1],
    says: /several documents/,
    hint: /file of its own/,
  },
  'text that is not UTF-8': {
    files: { 'flavour.yaml': Buffer.from('project: { flavour: minio } # \xe9', 'latin1') },
    code: 'FILE_ENCODING',
    at: [1, 1],
    says: /not UTF-8/,
    hint: /UTF-8/,
  },
  'an alias without an anchor': {
    files: flavour('project: { flavour: *nobody }\n'),
    code: 'YAML_SYNTAX',
    at: [1, 21],
    says: /no anchor &nobody/,
    hint: /./,
  },
  'an alias inside of its anchor': {
    files: flavour('project: { flavour: minio }\nminio: &m\n  values: { again: *m }\n'),
    code: 'YAML_SYNTAX',
    at: [3, 20],
    says: /inside of what it repeats/,
    hint: /./,
  },
  'aliases that explode': {
    files: flavour(bomb),
    code: 'YAML_ALIASES',
    says: /expand to too much/,
    hint: /write the repeated parts out/,
  },
  'a list nested a hundred thousand deep': {
    files: flavour(`project: ${'['.repeat(100_000)}`),
    code: 'YAML_SYNTAX',
    says: /nested too deeply/,
    hint: /levels/,
  },
  'an unknown key, with the nearest': {
    files: flavour('project: { flavour: minio }\nminio:\n  storage_clas: fast\n'),
    code: 'UNKNOWN_KEY',
    at: [3, 3],
    says: /unknown key "storage_clas" in minio/,
    hint: /"storage_class"/,
  },
  'an unknown key of the project': {
    files: flavour('project: { flavour: minio, k8s_namespce: x }\n'),
    code: 'UNKNOWN_KEY',
    at: [1, 28],
    says: /"k8s_namespce" in project/,
    hint: /"k8s_namespace"/,
  },
  'an unknown section': {
    files: flavour('project: { flavour: minio }\nminoi: { release: x }\n'),
    code: 'UNKNOWN_KEY',
    at: [2, 1],
    says: /unknown key "minoi"/,
    hint: /"minio"/,
  },
  'an unknown key in the section of a component that is not listed': {
    files: flavour('project: { flavour: minio }\ndask: { wrkers: 3 }\n'),
    code: 'UNKNOWN_KEY',
    at: [2, 9],
    says: /"wrkers" in dask/,
    hint: /"workers"/,
  },
  'an unknown key in a target section that is not used': {
    files: flavour('project: { flavour: minio }\nlocal: { provider: rehearsal }\nhybrid: { contxt: x }\n'),
    code: 'UNKNOWN_KEY',
    at: [3, 11],
    says: /"contxt" in hybrid/,
    hint: /"context"/,
  },
  'the wrong type': {
    files: flavour('project: { flavour: dask }\ndask: { workers: many }\n'),
    code: 'INVALID_VALUE',
    at: [2, 18],
    says: /dask\.workers: expected a (whole )?number, got the text "many"/,
    hint: /^$/,
  },
  'a number in quotes': {
    files: flavour('project: { flavour: dask }\ndask: { workers: "3" }\n'),
    code: 'INVALID_VALUE',
    at: [2, 18],
    says: /dask\.workers/,
    hint: /without quotes: 3/,
  },
  'version: 1.2': {
    files: flavour('project: { flavour: minio }\nminio: { version: 1.2 }\n'),
    code: 'INVALID_VALUE',
    at: [2, 19],
    says: /minio\.version: expected text, got the number 1\.2/,
    hint: /quote it: "1\.2"/,
  },
  'a section that is a list': {
    files: flavour('project: { flavour: minio }\nminio: [1]\n'),
    code: 'INVALID_VALUE',
    at: [2, 8],
    says: /minio: expected a map/,
    hint: /release/,
  },
  'an unknown component': {
    files: flavour('project:\n  flavour:\n    - minio\n    - dsak\n'),
    code: 'UNKNOWN_COMPONENT',
    at: [4, 7],
    says: /no component "dsak"/,
    hint: /"dask"/,
  },
  'two components with one release name': {
    files: flavour('project: { flavour: "minio, dask" }\ndask: { release: minio-datalake }\n'),
    code: 'DUPLICATE_RELEASE',
    says: /minio and dask are both the release "minio-datalake"/,
    hint: /release: /,
  },
  'a cycle': {
    files: flavour(
      'components:\n  a: { needs: { x: y }, provides: { z: {} } }\n  b: { needs: { x: x }, provides: { y: {} } }\n  c: { needs: { x: z }, provides: { x: {} } }\n',
    ),
    code: 'CYCLE',
    at: [2, 15],
    says: /a -> b -> c -> a/,
    hint: /needs/,
  },
  'a need that nothing provides': {
    files: flavour('project: { flavour: mlflow }\n'),
    code: 'UNMET_NEED',
    file: 'component.yaml',
    says: /mlflow needs s3 \("artifacts"\)/,
    hint: /add one of minio, seaweedfs to project\.flavour.*external/,
  },
  'a need that two provide': {
    files: flavour(
      'project:\n  flavour: minio, mlflow\ncomponents:\n  lake: { provides: { s3: { endpoint: e, host: h, port: 1 } } }\n',
    ),
    code: 'AMBIGUOUS_PROVIDER',
    at: [2, 12],
    says: /mlflow needs s3, and minio and lake both provide it/,
    hint: /providers: \{ s3: minio \}/,
  },
  'an unknown name in a template': {
    files: flavour('project: { flavour: minio }\nminio:\n  values:\n    note: !hbs "{{relaese}}"\n'),
    code: 'TEMPLATE',
    at: [4, 16],
    says: /"relaese"/,
    hint: /"release"/,
  },
  'a template that cannot be read': {
    files: flavour('project: { flavour: minio }\nminio: { values: { note: !hbs "{{#if x}}" } }\n'),
    code: 'TEMPLATE',
    at: [2, 31],
    says: /cannot be read/,
    hint: /\{\{name\}\}/,
  },
  'a values file that is nowhere': {
    files: flavour('project: { flavour: minio }\nminio:\n  config_file: nowhere.yaml\n'),
    code: 'VALUES_FILE_MISSING',
    at: [3, 16],
    says: /minio\.config_file: there is no file "nowhere\.yaml"/,
    hint: /looked for at .*flavour-folder.*, .*components\/minio\/nowhere\.yaml/,
  },
  'a namespace that is no DNS label': {
    files: flavour('project:\n  flavour: minio\n  k8s_namespace: Data_Mill\n'),
    code: 'INVALID_VALUE',
    at: [3, 18],
    says: /project\.k8s_namespace: must be a DNS label.*"Data_Mill"/,
    hint: /"data-mill"/,
  },
  'a namespace of a component that is no DNS label': {
    files: flavour('project: { flavour: minio }\nminio: { k8s_namespace: -x }\n'),
    code: 'INVALID_VALUE',
    at: [2, 25],
    says: /DNS label/,
    hint: /"x"/,
  },
  'an empty flavour': {
    files: flavour(''),
    code: 'EMPTY_FLAVOUR',
    at: [1, 1],
    says: /is empty/,
    hint: /project: \{ flavour: /,
  },
  'a flavour of comments': {
    files: flavour('# nothing yet\n'),
    code: 'EMPTY_FLAVOUR',
    at: [1, 1],
    says: /is empty/,
    hint: /project: /,
  },
  'a flavour without components': {
    files: flavour('project: { k8s_namespace: x }\n'),
    code: 'EMPTY_FLAVOUR',
    at: [1, 10],
    says: /names no components/,
    hint: /flavour: /,
  },
  'a flavour that is a list': {
    files: flavour('- minio\n'),
    code: 'INVALID_VALUE',
    at: [1, 1],
    says: /a flavour is a map/,
    hint: /docs\/configuration/,
  },
  'a flavour that is a word': {
    files: flavour('minio\n'),
    code: 'INVALID_VALUE',
    at: [1, 1],
    says: /a flavour is a map/,
    hint: /docs\/configuration/,
  },
  'a flavour that is missing': {
    files: {},
    code: 'FILE_MISSING',
    says: /does not exist/,
    hint: /check the path/,
  },
  'a folder as a flavour': {
    files: { 'flavour.yaml/x.yaml': '' },
    code: 'FILE_IS_FOLDER',
    says: /is a folder/,
    hint: /flavour\.yaml\/flavour\.yaml/,
  },
  'a flavour of 50 MB': {
    files: { 'flavour.yaml': new Uint8Array(50_000_000).fill(0x23) },
    code: 'FILE_TOO_LARGE',
    says: /larger than the 1 MiB/,
    hint: /right file/,
  },
  'flavours that extend each other': {
    files: {
      'flavour.yaml': 'extends: b.yaml\nproject: { flavour: minio }\n',
      'b.yaml': 'extends: flavour.yaml\n',
    },
    code: 'EXTENDS_CYCLE',
    file: 'b.yaml',
    at: [1, 10],
    says: /flavour\.yaml -> \S*b\.yaml -> \S*flavour\.yaml/,
    hint: /extends/,
  },
  'a base that is missing': {
    files: flavour('project: { flavour: minio }\nextends: gone.yaml\n'),
    code: 'FILE_MISSING',
    at: [2, 10],
    says: /gone\.yaml does not exist/,
    hint: /check the path/,
  },
  'a base with a name that no file can have': {
    files: flavour('extends: "a\\0b"\nproject: { flavour: minio }\n'),
    code: 'FILE_UNREADABLE',
    at: [1, 10],
    says: /cannot be read/,
    hint: /null bytes/,
  },
  'an inline component with an unknown word': {
    files: flavour('components:\n  api: { chrat: { path: . } }\n'),
    code: 'UNKNOWN_KEY',
    at: [2, 10],
    says: /"chrat" in components\.api/,
    hint: /"chart"/,
  },
  'an inline component without a source of its chart': {
    files: flavour('components:\n  api: { chart: { name: x } }\n'),
    code: 'INVALID_VALUE',
    at: [2, 17],
    says: /name the source of the chart/,
    hint: /^$/,
  },
  'an inline component whose chart is not there': {
    files: flavour('components:\n  api: { chart: { path: ./nowhere } }\n'),
    code: 'CHART_MISSING',
    at: [2, 25],
    says: /chart of api is not at/,
    hint: /relative/,
  },
  'inline components that are a list': {
    files: flavour('components: [api]\n'),
    code: 'INVALID_VALUE',
    at: [1, 13],
    says: /components: expected a map/,
    hint: /chart/,
  },
  'an inline component whose name is no DNS label': {
    files: flavour('components:\n  My_API: {}\n'),
    code: 'INVALID_VALUE',
    at: [2, 3],
    says: /DNS label/,
    hint: /"my-api"/,
  },
  'a component with a reserved name': {
    files: flavour('components:\n  local: {}\n'),
    code: 'RESERVED_NAME',
    at: [2, 3],
    says: /cannot be called "local"/,
    hint: /choose another/,
  },
  'a setting with a reserved name': {
    files: flavour('components:\n  api: { config: { values: { type: object } } }\n'),
    code: 'RESERVED_NAME',
    at: [2, 20],
    says: /setting of api cannot be called "values"/,
    hint: /choose another/,
  },
  'a release name that Helm refuses': {
    files: flavour(`project: { flavour: minio }\nminio: { release: ${'a'.repeat(54)} }\n`),
    code: 'INVALID_VALUE',
    at: [2, 19],
    says: /at most 53 characters/,
    hint: /^$/,
  },
  'a provider that is not in the flavour': {
    files: flavour('project:\n  flavour: minio, mlflow\n  providers: { s3: seaweedfs }\n'),
    code: 'UNKNOWN_PROVIDER',
    at: [3, 20],
    says: /"seaweedfs"/,
    hint: /provided by minio/,
  },
  'a choice for a need that is none': {
    files: flavour('project: { flavour: "minio, mlflow" }\nmlflow: { needs: { artefacts: minio } }\n'),
    code: 'UNKNOWN_NEED',
    at: [2, 20],
    says: /mlflow has no need "artefacts"/,
    hint: /"artifacts"/,
  },
  'an external capability that lacks fields': {
    files: flavour('project: { flavour: mlflow }\nexternal: { s3: { region: x } }\n'),
    code: 'INCOMPLETE_CAPABILITY',
    at: [2, 13],
    says: /external\.s3 lacks endpoint, host, port/,
    hint: /docs/,
  },
  'an unknown provider of a target': {
    files: flavour('project: { flavour: minio }\nlocal: { provider: minikub }\n'),
    code: 'INVALID_VALUE',
    at: [2, 20],
    says: /local\.provider: expected one of .*"minikube"/,
    hint: /"minikube"/,
  },
  'a version of the format that is not known': {
    files: flavour('apiVersion: datamill.io/v9\nproject: { flavour: minio }\n'),
    code: 'INVALID_VALUE',
    at: [1, 13],
    says: /apiVersion: this program knows only "datamill\.io\/v1"/,
    hint: /v1/,
  },
};
