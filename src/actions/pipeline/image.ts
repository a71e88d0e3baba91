import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { configError, DatamillError, refusedError } from '../../errors.ts';
import { containerfile } from '../../pipeline/index.ts';
import { exec } from '../../util/exec.ts';
import type { Reporter } from '../events.ts';
import { openPipelineSession, type RunPipelineOptions } from './session.ts';
import { readUpload, type Upload } from './upload.ts';

export interface ImageOptions extends RunPipelineOptions {
  repository?: string;
}

export interface ImageResult {
  project: string;
  version: string;
  image: string;
}

/** Programs that build images, in the order in which they are looked for. */
const BUILDERS = ['docker', 'podman', 'buildah'];

/**
 * The image that holds this version of the project.
 *
 * @throws {DatamillError} REPOSITORY_MISSING (exit 2).
 */
export function imageReference({ checked, code }: Upload, { repository }: ImageOptions): string {
  const name = repository ?? checked.settings.repository;
  if (name === undefined)
    throw configError('REPOSITORY_MISSING', 'an image needs a place in a registry', {
      hint: '--repository registry.example.org/team/project; or `repository:` in soopervisor.yaml',
    });
  return `${name}:${code.version}`;
}

/**
 * Builds an image with the project and its environment, and pushes it.
 *
 * @throws {DatamillError} REPOSITORY_MISSING (exit 2), BUILDER_MISSING (exit 3), IMAGE_FAILED.
 */
export async function buildPipelineImage(options: ImageOptions): Promise<ImageResult> {
  const session = await openPipelineSession(options);
  try {
    const upload = await readUpload(session, options);
    const image = imageReference(upload, options);
    const folder = await mkdtemp(join(tmpdir(), 'datamill-image-'));
    try {
      await writeContext(folder, upload);
      await buildAndPush(folder, image, options);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return { project: upload.project.name, version: upload.code.version, image };
  } finally {
    session.close();
  }
}

/** The project beside the file that says how its image is made. */
async function writeContext(folder: string, { code, checked }: Upload): Promise<void> {
  for (const { path, absolute } of code.files) {
    const to = join(folder, 'project', path);
    await mkdir(dirname(to), { recursive: true });
    await cp(absolute, to, { verbatimSymlinks: true });
  }
  for (const [name, text] of Object.entries(containerfile(checked, code.version)))
    await writeFile(join(folder, name), text);
}

async function buildAndPush(
  folder: string,
  image: string,
  { report, signal }: { report: Reporter; signal?: AbortSignal },
): Promise<void> {
  const builder = await findBuilder();
  const step = async (message: string, args: string[]) => {
    report({ type: 'step', phase: 'upload', state: 'running', message });
    const onStderrLine = (line: string) =>
      report({ type: 'step', phase: 'upload', state: 'running', message: `${message}: ${line.trim()}` });
    const { exitCode, stderr } = await exec(builder, args, { signal, onStderrLine });
    if (exitCode !== 0)
      throw new DatamillError('IMAGE_FAILED', `${builder} ${args[0]} failed: ${stderr.trim().slice(-1000)}`);
  };
  await step(`building ${image}`, ['build', '-t', image, '-f', join(folder, 'Containerfile'), folder]);
  await step(`pushing ${image}`, ['push', image]);
  report({ type: 'step', phase: 'upload', state: 'done', message: `${image} is in its registry` });
}

async function findBuilder(): Promise<string> {
  for (const name of BUILDERS) {
    const found = await exec(name, ['--version']).catch(() => undefined);
    if (found?.exitCode === 0) return name;
  }
  throw refusedError(
    'BUILDER_MISSING',
    `this machine has none of ${BUILDERS.join(', ')} to build an image with`,
    {
      hint: 'install one of them, or use --dest shared-disk',
    },
  );
}
