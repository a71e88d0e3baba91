import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What opens an address on this machine; undefined where there is nothing, or no display to open it on. */
export function browserOpener(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (platform === 'darwin') return 'open';
  if (platform === 'win32') return 'explorer';
  const shows = [env.DISPLAY, env.WAYLAND_DISPLAY, env.BROWSER].some((value) => (value ?? '') !== '');
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && existsSync(join(folder, 'xdg-open')));
  return shows && onPath ? 'xdg-open' : undefined;
}

/** How long an opener may take to say that it failed, in milliseconds. */
const PATIENCE = 5000;

/** Opens a web address with a program. @returns whether that went well, as far as is known. */
export function openInBrowser(opener: string, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    // Of a group of its own: Ctrl-C here must not close the user's browser.
    const child = spawn(opener, [address], { stdio: 'ignore', detached: true });
    const timer = setTimeout(() => resolve(true), PATIENCE);
    child.on('error', () => resolve(false));
    // explorer ends with 1 also when all is well.
    child.on('exit', (code) => resolve(code === 0 || opener === 'explorer'));
    child.on('exit', () => clearTimeout(timer));
    child.unref();
  });
}
