import type { Api } from './client.ts';
import { isStatus } from './errors.ts';
import { type LogLine, readLines } from './log-lines.ts';

export interface ContainerRef {
  namespace: string;
  pod: string;
  container: string;
}

export interface LogQuery {
  follow?: boolean;
  /** The container that ran before the present one. */
  previous?: boolean;
  /** RFC 3339, whole seconds. */
  sinceTime?: string;
  sinceSeconds?: number;
  /** Only so many lines from the end. */
  tail?: number;
}

/**
 * Reads the log of a container, with times.
 *
 * @throws {KubeError} 404 when the pod is gone, 400 when the container has not started.
 * @throws {DatamillError} exit 4 when the connection is cut.
 */
export async function* readLog(
  api: Api,
  { namespace, pod, container }: ContainerRef,
  query: LogQuery,
  signal?: AbortSignal,
): AsyncGenerator<LogLine[]> {
  const path = `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(pod)}/log`;
  const response = await api.stream(path, {
    signal,
    query: {
      container,
      timestamps: 'true',
      follow: query.follow ? 'true' : undefined,
      previous: query.previous ? 'true' : undefined,
      sinceTime: query.sinceTime,
      sinceSeconds: query.sinceTime === undefined ? text(query.sinceSeconds) : undefined,
      tailLines: text(query.tail),
    },
  });
  try {
    yield* readLines(response);
  } finally {
    response.destroy();
  }
}

function text(number: number | undefined): string | undefined {
  return number === undefined ? undefined : String(Math.ceil(number));
}

/** The container has no such log: it has not started yet, or did not run before. */
export function hasNoLog(error: unknown): boolean {
  return isStatus(error, 400) || isStatus(error, 404);
}

/** What the node says in the place of a log that it cannot read (any more). */
export function isNodeTalk(line: LogLine): boolean {
  return line.at === undefined && !line.continued;
}
