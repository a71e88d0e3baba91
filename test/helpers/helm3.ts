import { exec } from '../../src/util/exec.ts';
import { helmFlags } from './cluster.ts';
import { goTool } from './go-tool.ts';

const tool = goTool('helm3', 'helm.sh/helm/v3/cmd/helm');
export const { available: canHaveHelm3, build: buildHelm3 } = tool;

/** Runs Helm 3 on the shared cluster. */
export async function helm3(...args: string[]): Promise<string> {
  const result = await exec(tool.path(), [...args, ...helmFlags()]);
  if (result.exitCode !== 0) throw new Error(`helm3 ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}
