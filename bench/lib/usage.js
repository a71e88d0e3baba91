// Preloaded into a Node program: at its end it writes what it used to the file $BENCH_USAGE.
import { writeFileSync } from 'node:fs';

process.on('exit', () => writeFileSync(process.env.BENCH_USAGE, JSON.stringify(process.resourceUsage())));
