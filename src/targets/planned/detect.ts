import coerce from 'semver/functions/coerce.js';
import satisfies from 'semver/functions/satisfies.js';
import type { Detected } from '../contract.ts';
import type { Place } from './place.ts';
import type { Program } from './planner.ts';

/** Looks for programs by asking each for its version. */
export async function detectPrograms(programs: readonly Program[], place: Place): Promise<Detected[]> {
  return await Promise.all(programs.map((program) => detectProgram(program, place)));
}

async function detectProgram({ name, version, install }: Program, place: Place): Promise<Detected> {
  const command = version === undefined ? ['sh', '-c', `command -v ${name}`] : [name, ...version.args];
  const { exitCode, stdout, stderr } = await place.run({ about: `looking for ${name}`, command });
  const missing = { program: name, problem: { message: `${name} is not installed`, hint: install } };
  if (version === undefined) return exitCode === 0 ? { program: name, version: '' } : missing;
  if (exitCode === 127) return missing;
  const said = /v?(\d+\.\d+(?:\.\d+)?[-+.\w]*)/.exec(`${stdout}\n${stderr}`)?.[1];
  const found = said === undefined ? null : coerce(said);
  if (found === null) {
    const message = `${name} does not say its version (exit code ${exitCode})`;
    return { program: name, problem: { message, hint: `${version.accept} is needed: ${install}` } };
  }
  if (satisfies(found, version.accept)) return { program: name, version: found.version };
  const message = `${name} is version ${found.version}; ${version.accept} is needed`;
  return { program: name, version: found.version, problem: { message, hint: install } };
}
