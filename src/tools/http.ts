import { errorMessage } from '../errors.ts';

/** How long a host may take to answer at all, in milliseconds. */
const REACH_LIMIT = 3_000;

/** How long the answer to a request may take to begin, also behind redirections to other hosts. */
const ANSWER_LIMIT = 10_000;

/** How long a transfer may stand still. */
const STALL_LIMIT = 30_000;

const probes = new Map<string, Promise<string | undefined>>();

/**
 * Whether the host of a URL answers: undefined when it does, else why not. Every host is asked
 * once in a process and gets three seconds.
 */
export function whyUnreachable(url: string): Promise<string | undefined> {
  const { origin } = new URL(url);
  const known = probes.get(origin);
  if (known !== undefined) return known;
  const probe = ask(origin);
  probes.set(origin, probe);
  return probe;
}

async function ask(origin: string): Promise<string | undefined> {
  try {
    const response = await fetch(origin, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(REACH_LIMIT),
    });
    await response.body?.cancel();
    return undefined;
  } catch (error) {
    return `${new URL(origin).host} cannot be reached (${reasonOf(error)})`;
  }
}

/** What went wrong with a request: undici hides it in the cause. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time';
  return cause === undefined ? errorMessage(error) : errorMessage(cause);
}

/** Nothing came within the limit: another try would cost as much. */
export class NoAnswer extends Error {}

export interface Transfer {
  response: Response;
  /** To be called whenever bytes come: the transfer is aborted when they stop coming. */
  alive(): void;
  end(): void;
}

/** Starts a GET that is aborted by the signal, or when nothing comes: no answer in ten seconds, no data in thirty. */
export async function get(
  url: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Transfer> {
  const stall = new AbortController();
  const abort = () => stall.abort(new DOMException('no data in time', 'TimeoutError'));
  let timer = setTimeout(abort, ANSWER_LIMIT);
  const end = () => clearTimeout(timer);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(abort, STALL_LIMIT);
  };
  try {
    const both = signal === undefined ? stall.signal : AbortSignal.any([stall.signal, signal]);
    const response = await fetch(url, {
      headers: { 'accept-encoding': 'identity', ...headers },
      signal: both,
    });
    alive();
    return { response, alive, end };
  } catch (error) {
    end();
    if (stall.signal.aborted) throw new NoAnswer(`${url} does not answer`);
    throw error;
  }
}

/** @throws when the answer is not 200. */
export async function getText(url: string, signal?: AbortSignal): Promise<string> {
  const { response, end } = await get(url, {}, signal);
  try {
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return await response.text();
  } finally {
    end();
  }
}
