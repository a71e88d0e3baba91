/** CPU and the like of the pods of tasks; plain values, as Kubernetes writes quantities. */
export interface Resources {
  requests: Record<string, string>;
  limits: Record<string, string>;
}

/** What pods of tasks can have of their own. */
export interface PodSettings {
  image?: string;
  resources?: Resources;
  /** Seconds an attempt may take. */
  timeout?: number;
  retry?: Record<string, unknown>;
  env?: Record<string, string>;
  /** Names of Secrets whose keys become variables. */
  secretEnv?: string[];
  nodeSelector?: Record<string, string>;
  tolerations?: unknown[];
}

/** A volume that pods mount. */
export interface Volume {
  name: string;
  /** The claim, when the volume is one. */
  claim?: string;
  source: Record<string, unknown>;
  mountPath: string;
  subPath: string;
}

/** Everything that a project's workflow is made of, beside its graph. */
export interface ExportSettings extends PodSettings {
  namespace: string;
  serviceAccount?: string;
  /** The first one holds the project: pods work in it. */
  volumes: Volume[];
  /** The conda environment, relative to the project. */
  environment: string;
  /** Settings of tasks whose names match a pattern, the first one lowest. */
  tasks: Array<{ pattern: string; settings: PodSettings }>;
  podGC?: string;
  ttl?: number;
  parallelism?: number;
  failFast?: boolean;
  schedule?: string[];
  timezone?: string;
  /** Further arguments of `ploomber task`. */
  args?: string;
  accessMode?: string;
  /** Where an image with the project goes. */
  repository?: string;
  /** What `upload` takes and leaves. */
  include?: string[];
  exclude?: string[];
  warnings: string[];
}

/** What a flavour says of the platform that pipelines run on. */
export interface Platform {
  /** Where workflows run, and as whom. */
  namespace?: string;
  serviceAccount?: string;
  /** The claim of the shared disk. */
  claim?: string;
}

const DEFAULT_IMAGE = 'continuumio/miniconda3';
const DEFAULT_CLAIM = 'nfs';
export const DEFAULT_MOUNT = '/mnt/vol';
const DEFAULT_NAMESPACE = 'argo';

/** The settings of a project without a soopervisor.yaml, which are those of Soopervisor's first versions. */
export function defaultSettings(project: string, platform: Platform = {}): ExportSettings {
  return {
    image: DEFAULT_IMAGE,
    namespace: platform.namespace ?? DEFAULT_NAMESPACE,
    serviceAccount: platform.serviceAccount,
    volumes: [claimVolume(platform.claim ?? DEFAULT_CLAIM, project, DEFAULT_MOUNT)],
    environment: 'environment.yml',
    tasks: [],
    warnings: [],
  };
}

export function claimVolume(claim: string, subPath: string, mountPath: string): Volume {
  return {
    name: volumeName(claim),
    claim,
    source: { persistentVolumeClaim: { claimName: claim } },
    mountPath,
    subPath,
  };
}

/** A name that Kubernetes takes for a volume. */
export function volumeName(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return slug.slice(0, 63) || 'volume';
}
