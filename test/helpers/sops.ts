import { exec } from '../../src/util/exec.ts';
import { goTool } from './go-tool.ts';

const tool = goTool('sops', 'github.com/getsops/sops/v3/cmd/sops');
export const { available: canHaveSops, build: buildSops } = tool;

/** Runs sops with keys of the test's own. */
export async function sops(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const own = { SOPS_AGE_KEY: undefined, SOPS_AGE_KEY_FILE: undefined, SOPS_DISABLE_VERSION_CHECK: '1' };
  const result = await exec(tool.path(), args, { env: { ...own, ...env } });
  if (result.exitCode !== 0) throw new Error(`sops ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}
