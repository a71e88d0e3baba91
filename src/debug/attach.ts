import { randomBytes } from 'node:crypto';
import { PassThrough, Writable } from 'node:stream';
import { DatamillError } from '../errors.ts';
import type { Api } from '../kube/client.ts';
import { fields, items, text } from '../kube/fields.ts';
import type { ExecStreams } from '../kube/stream/exec.ts';
import type { KubeObject } from '../kube/types.ts';
import { pause, throwIfAborted } from '../util/abort.ts';
import { containerSecurity, USER_ID } from './pod.ts';
import { creationError, type SessionOptions } from './session.ts';
import { type PodName, readPod, statusOf, waitForContainer } from './wait.ts';

export interface AttachOptions extends SessionOptions {
  /** The container to stand beside, whose processes are seen; the first when left out. */
  target?: string;
  image: string;
  privileged: boolean;
  /** Seconds after which the command is ended. */
  ttl: number;
}

const PID_FILE = '/tmp/.datamill-debug';
/** How long the end of the container may take to be known. */
const END_WITHIN = 15_000;

/**
 * Waits for a line, so that nothing is printed before somebody listens, but not for ever; then
 * becomes the command, which is ended when its time is over, where the image knows how.
 */
const GATE = `(sleep 120; kill $$) & guard=$!
read -r _ || exit 1
kill $guard; echo $$ > ${PID_FILE} 2>/dev/null
if timeout --foreground 60 true 2>/dev/null; then exec timeout --foreground "$0" "$@"; fi
exec "$@"`;

/**
 * Runs a command in an ephemeral container beside a running one. Such a container cannot be taken
 * away: it ends with the command and stays listed until the pod goes.
 *
 * @returns the exit code of the command.
 * @throws {DatamillError} NO_SUCH_CONTAINER (exit 2); what keeps it from running; POD_GONE.
 */
export async function attachTo(api: Api, pod: KubeObject, options: AttachOptions): Promise<number> {
  const { signal, connect, tell } = options;
  const at: PodName = { namespace: pod.metadata.namespace!, name: pod.metadata.name };
  const container = `debug-${randomBytes(4).toString('hex')}`;
  const streams = connect();
  await addContainer(api, at, ephemeral(pod, container, streams.tty === true, options));
  tell(`container ${container} was added to pod ${at.name}; it stays listed until the pod goes`);
  throwIfAborted(signal);
  await waitForContainer(api, at, container, { signal, tell });
  try {
    await api.attach(at.namespace, at.name, container, { ...streams, ...gated(streams), signal });
  } catch (error) {
    if (signal?.aborted) await end(api, at, container);
    else if ((error as DatamillError).code !== 'STREAM_LOST') throw error;
    throwIfAborted(signal);
  }
  return await exitCodeOf(api, at, container);
}

function ephemeral(
  pod: KubeObject,
  name: string,
  tty: boolean,
  { target, image, privileged, ttl, command }: AttachOptions,
): Record<string, unknown> {
  const containers = items(pod.spec?.containers);
  const names = containers.map((one) => text(one.name));
  const beside = containers.find((one) => target === undefined || one.name === target);
  if (beside === undefined) {
    throw new DatamillError('NO_SUCH_CONTAINER', `pod ${pod.metadata.name} has no container "${target}"`, {
      exitCode: 2,
      hint: `its containers are ${names.join(', ')}`,
    });
  }
  return {
    name,
    image,
    targetContainerName: beside.name,
    stdin: true,
    // When we are gone, so is its input: a shell then ends.
    stdinOnce: true,
    tty,
    command: ['sh', '-c', GATE, String(Math.ceil(ttl)), ...command].map(literal),
    env: [{ name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }],
    securityContext: privileged
      ? { ...containerSecurity(true), runAsUser: 0 }
      : {
          ...containerSecurity(false),
          runAsNonRoot: true,
          runAsUser: userOf(pod, beside),
          seccompProfile: { type: 'RuntimeDefault' },
        },
  };
}

/** The kubelet puts variables in the place of `$(NAME)`; this is for the shell, or the program. */
function literal(word: string): string {
  return word.replaceAll('$', '$$$$');
}

/** Only the same user sees the files and memory of the other container's processes; root is not for us. */
function userOf(pod: KubeObject, beside: Record<string, unknown>): number {
  const own = fields(beside.securityContext).runAsUser ?? fields(pod.spec?.securityContext).runAsUser;
  return typeof own === 'number' && own > 0 ? own : USER_ID;
}

async function addContainer(api: Api, { namespace, name }: PodName, container: object): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/ephemeralcontainers`;
  try {
    await api.request('PATCH', path, {
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { ephemeralContainers: [container] } },
    });
  } catch (error) {
    throw creationError(error, namespace);
  }
}

/** Opens the gate, and hides that a terminal shows what it was opened with. */
function gated({ stdin, stdout, tty }: ExecStreams): Pick<ExecStreams, 'stdin' | 'stdout'> {
  const input = new PassThrough();
  input.write('\n');
  stdin?.pipe(input);
  if (stdout === undefined || tty !== true) return { stdin: input, stdout };
  let echo = '\r\n';
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      let from = 0;
      while (echo !== '' && from < chunk.length && chunk[from] === echo.charCodeAt(0)) {
        echo = echo.slice(1);
        from += 1;
      }
      if (from < chunk.length) echo = '';
      stdout.write(chunk.subarray(from), done);
    },
  });
  return { stdin: input, stdout: output };
}

/** Ends what listens to no input. Who may not run programs in pods has to wait for its time. */
async function end(api: Api, { namespace, name }: PodName, container: string): Promise<void> {
  const signal = AbortSignal.timeout(END_WITHIN);
  const command = ['sh', '-c', `kill -HUP "$(cat ${PID_FILE})"`];
  await api.exec(namespace, name, container, command, { signal }).catch(() => undefined);
}

async function exitCodeOf(api: Api, at: PodName, container: string): Promise<number> {
  const deadline = Date.now() + END_WITHIN;
  for (;;) {
    const pod = await readPod(api, at);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined)
      throw new DatamillError('POD_GONE', `pod ${at.name} was deleted while it was used`);
    const { exitCode } = fields(fields(statusOf(pod, container).state).terminated);
    if (typeof exitCode === 'number') return exitCode;
    if (Date.now() > deadline)
      throw new DatamillError('STREAM_LOST', `the connection to container ${container} was cut`);
    await pause(200);
  }
}
