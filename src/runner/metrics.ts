type Labels = Record<string, string>;

interface Metric {
  help: string;
  type: 'counter' | 'gauge';
  values: Map<string, { labels: Labels; value: number }>;
}

/** Names as in the reference where it has them. */
const METRICS = {
  runner_queue_refresh_success: ['counter', 'Looks at the list of queues that went well.'],
  runner_queue_refresh_fail: ['counter', 'Looks at the list of queues that failed.'],
  runner_queue_checked: ['counter', 'Messages that were taken.'],
  runner_queue_ignored: ['counter', 'Messages that did not fit and were given back.'],
  runner_project_running: ['gauge', 'Experiments that run.'],
  runner_project_completed: ['counter', 'Experiments that ended, by how.'],
  runner_cache_hits: ['counter', 'Artifacts that were in the cache.'],
  runner_cache_misses: ['counter', 'Artifacts that were not.'],
  runner_dead_letters: ['counter', 'Messages that were put aside.'],
  runner_lease_lost: ['counter', 'Experiments that another worker took over.'],
  runner_scrape_errors: ['counter', 'Directives in output that could not be used.'],
} as const;

export type MetricName = keyof typeof METRICS;

/** Counters and gauges, written as Prometheus reads them (text format 0.0.4). */
export class Metrics {
  readonly #metrics = new Map<MetricName, Metric>();

  constructor() {
    for (const [name, [type, help]] of Object.entries(METRICS))
      this.#metrics.set(name as MetricName, { type, help, values: new Map() });
  }

  add(name: MetricName, labels: Labels = {}, amount = 1): void {
    const { values } = this.#metrics.get(name)!;
    const id = JSON.stringify(labels);
    const value = values.get(id)?.value ?? 0;
    values.set(id, { labels, value: value + amount });
  }

  get(name: MetricName): number {
    return [...this.#metrics.get(name)!.values.values()].reduce((sum, { value }) => sum + value, 0);
  }

  text(): string {
    const lines: string[] = [];
    for (const [name, { help, type, values }] of this.#metrics) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
      if (values.size === 0) lines.push(`${name} 0`);
      for (const { labels, value } of values.values()) lines.push(`${name}${written(labels)} ${value}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

function written(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
