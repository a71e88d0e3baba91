// What is measured without a cluster: each section takes {rounds} and returns rows.
import { pipeline } from './pipeline.js';

export const alone = { pipeline };
