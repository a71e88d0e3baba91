import type { Reservation } from '../allocator.ts';
import type { Request } from '../request.ts';

/** Of the runner's own environment an experiment sees what it needs to run at all, and no secrets. */
const PASSED = [
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'SSL_CERT_FILE',
  'LD_LIBRARY_PATH',
];

/** The environment of an experiment, as the reference sets it. */
export function environmentOf(
  { experiment, config }: Request,
  { root, home }: { root: string; home: string },
  { cpus, cards }: Pick<Reservation, 'cpus' | 'cards'>,
): Record<string, string> {
  const own = Object.fromEntries(
    PASSED.flatMap((name) => [name, name.toLowerCase()]).flatMap((name) =>
      process.env[name] === undefined ? [] : [[name, process.env[name] as string]],
    ),
  );
  const threads = String(Math.max(1, Math.floor(cpus) - 1));
  const visible = cards.length === 0 ? '-1' : cards.join(',');
  return {
    HOME: root,
    TMPDIR: `${root}/_runner/tmp`,
    PYTHONUNBUFFERED: '1',
    AWS_SDK_LOAD_CONFIG: '1',
    OMP_NUM_THREADS: threads,
    MKL_NUM_THREADS: threads,
    ...own,
    ...config.env,
    STUDIOML_EXPERIMENT: experiment.key,
    STUDIOML_HOME: home,
    CUDA_VISIBLE_DEVICES: visible,
    NVIDIA_VISIBLE_DEVICES: visible === '-1' ? 'none' : visible,
  };
}
