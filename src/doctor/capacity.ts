import { amountWords } from '../kube/diagnose/scheduling.ts';
import type { Demand } from './demand.ts';
import { balance, misfits, unplaced } from './fit.ts';
import { type Observation, ok, unknown, warning, wrong } from './observation.ts';
import type { NodeRoom } from './room.ts';

const LESS =
  'lower requests or replicas (`datamill config` shows them), leave components out, or choose a larger target';

/**
 * Whether the flavour fits, with the numbers.
 *
 * @param rooms undefined without the right to look at nodes
 * @param growing whether nodes come when pods find no place
 */
export function examineCapacity(
  demands: readonly Demand[],
  rooms: readonly NodeRoom[] | undefined,
  { growing, allPods }: { growing: boolean; allPods: boolean },
): Observation[] {
  if (rooms === undefined)
    return [
      unknown('whether there is room: this user may not list nodes', {
        remedy: 'docs/rights.md names the right',
      }),
    ];
  const found = misfits(demands, rooms);
  const judge = growing ? warning : wrong;
  const remedy = growing ? 'an autoscaler may bring nodes; otherwise, lower requests or replicas' : LESS;
  const said = (one: { component?: string; message: string }) =>
    one.component === undefined ? one.message : `${one.component}: ${one.message}`;
  const observations: Observation[] = found.map((one) => judge(said(one), { remedy }));
  if (found.length === 0)
    observations.push(
      ...unplaced(demands, rooms).map((one) => warning(said(one), { remedy: growing ? remedy : LESS })),
    );
  const short = new Set(found.map(({ message }) => message));
  for (const { resource, wanted, free, total } of balance(demands, rooms))
    if (wanted <= free && short.size === 0)
      observations.push(
        ok(
          `${amountWords(resource, wanted)} requested, ${amountWords(resource, free)} of ${amountWords(resource, total)} free`,
        ),
      );
  if (!allPods)
    observations.push(
      unknown('what other namespaces use: this user may not list all pods, so that nodes count as empty'),
    );
  return observations;
}
