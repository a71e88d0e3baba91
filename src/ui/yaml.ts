import { stringify } from 'yaml';

/** YAML without anchors: what is written out twice is easier to read than a reference. */
export function toYaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false });
}
