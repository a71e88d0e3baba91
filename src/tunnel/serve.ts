import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createSshServer } from '../ssh/index.ts';
import type { NodeServer } from './sshd.ts';

export interface ServeOptions {
  /** server.json of the tunnel's Secret; the host key lies beside it. */
  file: string;
  signal: AbortSignal;
  log(line: string): void;
}

/** In the pod: the server of a tunnel, where the image is our own. Runs until the signal fires. */
export async function serve({ file, signal, log }: ServeOptions): Promise<void> {
  const settings = JSON.parse(await readFile(file, 'utf8')) as NodeServer;
  const hostKey = await readFile(join(dirname(file), 'host_key'), 'utf8');
  const { user, clientKey, listen, host, port } = settings;
  const server = createSshServer({ hostKey, clientKey, user, listen, log });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => log(`listening on ${host}:${port}`));
    const close = () => {
      server.close();
      resolve();
    };
    if (signal.aborted) close();
    signal.addEventListener('abort', close);
  });
}
