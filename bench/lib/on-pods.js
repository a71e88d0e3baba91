// What is measured on real pods: each section takes {rounds} and returns rows.
import { portForward } from './port-forward.js';
import { tunnel } from './tunnel.js';

export const onPods = { 'port-forward': portForward, tunnel };
