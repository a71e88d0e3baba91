import { errorMessage } from '../errors.ts';
import { registerSecrets } from '../util/redact.ts';
import type { Log } from './log.ts';

/** Milliseconds that the hook may take. */
const PATIENCE = 10_000;

export interface SlackOptions {
  /** Address of an incoming webhook. */
  hook: string;
  /** Room when the request names none. */
  room?: string;
  log: Log;
}

/** Tells a room of Slack; work never waits for it, and never fails by it. */
export function slackTeller({
  hook,
  room,
  log,
}: SlackOptions): (text: string, destination?: string | null) => void {
  registerSecrets(hook);
  return (text, destination) => {
    const channel = destination || room;
    void fetch(hook, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text, ...(channel ? { channel } : {}) }),
      signal: AbortSignal.timeout(PATIENCE),
    })
      .then(async (response) => {
        await response.body?.cancel();
        if (!response.ok) log('warn', `Slack answers ${response.status}`);
      })
      .catch((error) => log('warn', `Slack cannot be told: ${errorMessage(error)}`));
  };
}
