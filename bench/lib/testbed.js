// The testbed (`npm run testbed up`), where pods are real: for what a rehearsal cannot show.
import { access } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from './measure.js';

const STATE = process.env.XDG_STATE_HOME?.startsWith('/')
  ? process.env.XDG_STATE_HOME
  : join(homedir(), '.local', 'state');

/** @throws when it is not up. */
export async function findTestbed({ kubectl }) {
  const kubeconfig = join(STATE, 'datamill', 'testbed', 'kubeconfig.yaml');
  await access(kubeconfig).catch(() => {
    throw new Error('the testbed is not up: run `npm run testbed up` first');
  });
  const kube = (input, ...args) => run(kubectl, ['--kubeconfig', kubeconfig, ...args], { input });
  return { kubeconfig, context: 'testbed', kubectl, kube };
}
