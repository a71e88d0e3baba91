import type { Tree } from '../config/merge.ts';
import type { Check } from '../config/schema/check.ts';
import type { Chart, ComponentSpec, Hook, Link, Rotation } from '../config/schema/component.ts';
import type { Project } from '../config/schema/project.ts';
import type { SecretsSection } from '../config/schema/secrets.ts';
import type { Location } from '../errors.ts';
import type { DataMount } from './data-mount.ts';
import type { Layer } from './layers.ts';
import type { ResolvedTarget } from './target.ts';

export interface Warning {
  message: string;
  at?: Location;
}

/** Which provider serves a need, and what it tells. */
export interface Binding {
  capability: string;
  /** Name of the providing component; `external` for what is outside the cluster. */
  provider: string;
  /** Namespace in which the provider's Secret lies. */
  namespace: string;
  fields: Tree;
}

/** How a key of a Secret is made. */
export type SecretSource = ({ generate: number } | { value: string }) & { rotate?: Rotation };

/** A component with nothing left to decide. */
export interface ResolvedComponent {
  name: string;
  release: string;
  namespace: string;
  spec: ComponentSpec;
  /** Chart reference, its path absolute (or, with git, inside the repository). */
  chart?: Chart;
  /** Settings, as templates see them. */
  config: Tree;
  /** Helm values. */
  values: Tree;
  needs: Record<string, Binding | null>;
  provides: Record<string, Tree>;
  /** Names of the components of this flavour that come first. */
  dependsOn: string[];
  /** Secret name -> key -> how it is made. */
  secrets: Record<string, Record<string, SecretSource>>;
  /** Secrets of providers in other namespaces that must be copied here. */
  copies: Array<{ name: string; from: string }>;
  buckets: string[];
  objects: Tree[];
  namespaces: Array<{ name: string; labels: Record<string, string> }>;
  hooks: { before: Hook[]; after: Hook[] };
  checks: Check[];
  links: Record<string, Link>;
  images: string[];
  storageClass: string | null;
  /** Seconds until the release must be ready. */
  timeout: number;
  /** Sources of the section and of the values, lowest first, for `config --explain`. */
  layers: Layer[];
  valueLayers: Layer[];
}

/** What a flavour means: all of it, checked. */
export interface Resolved {
  /** File of the flavour, for messages. */
  file: string;
  flavour: string;
  project: Project & { name: string };
  projectLayers: Layer[];
  target?: ResolvedTarget;
  /** In graph order: each after what it depends on. */
  components: ResolvedComponent[];
  /** Where Secrets of the flavour itself come from. */
  secrets?: SecretsSection;
  /** What comes from outside the cluster: capability -> its fields. */
  external: Record<string, Tree>;
  /** How the nodes see the data folder, where components are to mount it. */
  dataMount?: DataMount;
  /** Asked for by name, but not installable: `up` refuses them. */
  unavailable: Array<{ name: string; reason: string; at?: Location }>;
  warnings: Warning[];
}
