import { relative } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { type RunCommand, withPod } from '../../debug/index.ts';
import { DatamillError } from '../../errors.ts';
import {
  type Checked,
  type CodeVersion,
  checkProject,
  codeFiles,
  codeVersion,
  diskPodSpec,
  LOOK,
  MISMATCH,
  type Project,
  readProject,
  STORE,
} from '../../pipeline/index.ts';
import { formatSize } from '../../util/bytes.ts';
import { requireRealPods } from '../pods.ts';
import type { Session } from '../session.ts';
import { archive } from './archive.ts';
import { claimAccess, diskPod } from './disk.ts';
import { noteUpload } from './record.ts';
import { openPipelineSession, pipelineOptions, type RunPipelineOptions } from './session.ts';
import { unfinishedVersions } from './workflows.ts';

export interface UploadOptions extends RunPipelineOptions {
  /** So many versions stay on the disk, beside those that workflows use; all when 0 or absent. */
  keep?: number;
}

export interface UploadResult {
  project: string;
  version: string;
  /** The folder of the version in the claim. */
  folder: string;
  claim: string;
  files: number;
  bytes: number;
  /** Files and bytes that had to be sent. */
  sent: number;
  sentBytes: number;
  /** Versions that were removed from the disk. */
  removed: string[];
}

/** What is uploaded: the project, checked, and its code as it is now. */
export interface Upload {
  project: Project;
  checked: Checked;
  code: CodeVersion;
}

/**
 * Puts the code of a project on the shared disk, through a pod: only what is not there yet, each
 * file verified by its checksum, each version in a folder of its own.
 *
 * @throws {DatamillError} exit 2 for the project; SIMULATED (exit 3); CLAIM_MISSING; UPLOAD_FAILED;
 *   what keeps the pod from running.
 */
export async function uploadPipeline(options: UploadOptions): Promise<UploadResult> {
  const session = await openPipelineSession(options);
  try {
    requireRealPods(session, 'code cannot be uploaded');
    return await uploadIn(session, await readUpload(session, options), options);
  } finally {
    session.close();
  }
}

/** Reads and checks a project and its code. */
export async function readUpload(session: Session, options: RunPipelineOptions): Promise<Upload> {
  const given = pipelineOptions(options, session);
  const project = await readProject(given);
  const first = await checkProject(project, given);
  const accessMode = given.accessMode ?? (await claimAccess(session.api, first.settings));
  const checked = await checkProject(project, { ...given, accessMode });
  const { settings, warnings } = checked;
  for (const { message, at } of warnings) options.report({ type: 'warning', message, ...at });
  const { root } = project;
  const needed = [project.spec!, ...project.tasks.flatMap(({ file }) => file ?? [])].map((file) =>
    relative(root, file),
  );
  const { files, tracked } = await codeFiles(project, settings, [...needed, settings.environment]);
  if (!tracked)
    options.report({ type: 'warning', message: `${root} is not in git: all files count as code` });
  return { project, checked, code: await codeVersion(files) };
}

export async function uploadIn(
  session: Session,
  upload: Upload,
  { report, signal, keep = 0 }: Pick<UploadOptions, 'report' | 'signal' | 'keep'>,
): Promise<UploadResult> {
  const { api, identity } = session;
  const { project, checked, code } = upload;
  const { settings, slug } = checked;
  const tell = (message: string) => report({ type: 'step', phase: 'upload', state: 'running', message });
  const disk = settings.volumes[0]!;
  const spec = diskPodSpec(settings, ['sh', '-c', `trap 'exit 0' TERM; sleep 14400 & wait`]);
  const pod = diskPod(settings, spec, { identity, slug, verb: 'upload' });
  tell(`starting pod ${pod.metadata.name} in ${settings.namespace}`);
  const used = keep > 0 ? await unfinishedVersions(api, settings.namespace, slug) : [];
  const stored = await withPod(api, pod, { signal, tell, container: 'main' }, async (run) => {
    const there = await look(run, disk.mountPath, code);
    return await store(run, { disk: disk.mountPath, code, there, keep, used, tell });
  });
  await noteUpload(api, { settings, slug, identity, version: code.version });
  report({ type: 'step', phase: 'upload', state: 'done', message: uploadedWords(code, stored) });
  return {
    project: project.name,
    version: code.version,
    folder: [disk.subPath, '.datamill/versions', code.version].filter((part) => part !== '').join('/'),
    claim: disk.claim ?? disk.name,
    files: code.files.length,
    bytes: code.bytes,
    ...stored,
  };
}

function uploadedWords({ version, files }: CodeVersion, { sent, sentBytes }: Stored): string {
  return sent === 0
    ? `version ${version} is on the disk: ${files.length} files, none had to be sent`
    : `version ${version}: ${sent} of ${files.length} files sent (${formatSize(sentBytes)}), all checked`;
}

/** The version to start from, and the files of it that are as they should be. */
interface There {
  base: string;
  same: ReadonlySet<string>;
}

async function look(run: RunCommand, disk: string, { version, files }: CodeVersion): Promise<There> {
  const list = files.map(({ path }) => `${path}\n`).join('');
  const output = await capture(run, ['sh', '-c', LOOK, 'sh', disk, version], Readable.from([list]));
  const [first = '', ...lines] = output.split('\n');
  const sums = new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
  const same = files.filter(({ path, sha256 }) => sums.get(path) === sha256).map(({ path }) => path);
  return { base: first.replace(/^base /, ''), same: new Set(same) };
}

interface Stored {
  sent: number;
  sentBytes: number;
  removed: string[];
}

interface StoreOptions {
  disk: string;
  code: CodeVersion;
  there: There;
  keep: number;
  used: readonly string[];
  tell(message: string): void;
}

async function store(run: RunCommand, options: StoreOptions): Promise<Stored> {
  const { disk, code, there, keep, used, tell } = options;
  const missing = code.files.filter(({ path, link }) => link === undefined && !there.same.has(path));
  const bytes = missing.reduce((sum, { size }) => sum + size, 0);
  tell(`sending ${missing.length} of ${code.files.length} files, ${formatSize(bytes)}`);
  const { stream, done } = archive(code, new Set(missing.map(({ path }) => path)), (sent) =>
    tell(`sent ${formatSize(sent)} of ${formatSize(bytes)}`),
  );
  const words = ['sh', '-c', STORE, 'sh', disk, code.version, there.base, String(keep), ...used];
  // Whichever end fails first says why.
  const [output] = await Promise.all([capture(run, words, stream), done]);
  const removed = [...output.matchAll(/^removed (\w+)$/gm)].map(([, version]) => version!);
  return { sent: missing.length, sentBytes: bytes, removed };
}

/** Runs a command and returns what it prints. @throws {DatamillError} UPLOAD_FAILED with its own words. */
async function capture(run: RunCommand, command: readonly string[], stdin: Readable): Promise<string> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  const code = await run(command, { stdin, stdout: sink(out), stderr: sink(err) });
  if (code === 0) return Buffer.concat(out).toString('utf8');
  const said = Buffer.concat(err).toString('utf8').trim().split('\n').slice(-3).join('; ');
  if (code === MISMATCH)
    throw new DatamillError('UPLOAD_FAILED', 'the code on the disk is not what was sent: checksums differ', {
      hint: 'upload again; if it stays, look at the shared disk',
    });
  throw new DatamillError(
    'UPLOAD_FAILED',
    `the code could not be put on the disk: ${said || `exit ${code}`}`,
    {
      hint: 'the image of the pods must have sh, tar, sha256sum and cp, and may write on the disk',
    },
  );
}

function sink(chunks: Buffer[]): Writable {
  return new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done();
    },
  });
}
