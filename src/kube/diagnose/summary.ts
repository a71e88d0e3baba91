import type { Finding } from './finding.ts';

const shown = 2;

interface Group {
  finding: Finding;
  objects: Set<string>;
}

/**
 * The findings in one line, for a task: `minio-0: Pulling image … for 20 s`, or
 * `dask-worker: 1 of 3 pods Unschedulable (0/1 nodes are available: 1 Insufficient cpu)`.
 */
export function summaryLine(findings: Finding[]): string {
  const groups = new Map<string, Group>();
  for (const finding of findings) {
    const owner = finding.workload?.name ?? finding.object;
    const key = `${owner} ${finding.reason}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { finding, objects: new Set([finding.object]) });
    else group.objects.add(finding.object);
  }
  const lines = [...groups.values()].map(groupWords);
  const more = lines.length > shown ? [`${lines.length - shown} more`] : [];
  return [...lines.slice(0, shown), ...more].join('; ');
}

function groupWords({ finding, objects }: Group): string {
  const { workload } = finding;
  if (workload !== undefined && workload.pods > 1) {
    return `${workload.name}: ${objects.size} of ${workload.pods} pods ${finding.reason} (${finding.message})`;
  }
  const name = finding.object.slice(finding.object.indexOf('/') + 1);
  return `${finding.object.startsWith('Pod/') ? name : finding.object}: ${finding.message}`;
}
