import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { call, type Say } from '../call.ts';
import { ctr } from '../cluster/containerd.ts';
import { cache, containerdSocket } from '../layout.ts';
import type { ImageRecord } from './blobs.ts';

const PIPE = `set -o pipefail
tar --create --directory="$1" oci-layout index.json --directory="$2" "\${@:7}" |
  ctr "\${@:3:4}" images import -`;

/** Gives an image to the runtime, unless it has this very one. */
export async function load(record: ImageRecord, say: Say, signal?: AbortSignal): Promise<void> {
  if (await isLoaded(record)) return;
  const since = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'datamill-image-'));
  try {
    await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await writeFile(join(folder, 'index.json'), JSON.stringify(index(record)));
    const blobs = record.blobs.map(({ digest }) => `blobs/sha256/${digest.replace('sha256:', '')}`);
    const address = ['--address', containerdSocket(), '--namespace', 'k8s.io'];
    // The blobs lie in the cache, so the archive exists in the pipe only.
    const words = ['bash', folder, cache('images'), ...address, ...blobs];
    await call('bash', ['-c', PIPE, ...words], { signal });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const size = record.layers.reduce((sum, layer) => sum + layer.size, 0);
  say(
    `loaded ${record.image} (${Math.round(size / 1e6)} MB) in ${Math.round((performance.now() - since) / 1000)} s`,
  );
}

async function isLoaded({ image, manifest }: ImageRecord): Promise<boolean> {
  const lines = (await ctr('images', 'list', `name==${image}`)).split('\n');
  return lines.some((line) => line.startsWith(`${image} `) && line.includes(manifest.digest));
}

/** The name under which containerd gets it: OCI's own annotation holds the tag only. */
function index({ image, manifest }: ImageRecord): object {
  return {
    schemaVersion: 2,
    manifests: [{ ...manifest, annotations: { 'io.containerd.image.name': image } }],
  };
}
