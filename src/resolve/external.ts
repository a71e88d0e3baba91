import * as z from 'zod';
import { completeFields, missingFields } from '../catalogue/capabilities.ts';
import { dropNulls, type Tree } from '../config/merge.ts';
import { evaluateTagged, type TemplateContext } from '../config/template.ts';
import { validate } from '../config/validate.ts';
import { configError } from '../errors.ts';
import type { Flavour } from './flavour.ts';

/**
 * Reads `external:`, the capabilities that something outside the cluster provides.
 *
 * @throws {DatamillError} INVALID_VALUE, INCOMPLETE_CAPABILITY (exit 2).
 */
export function resolveExternal(flavour: Flavour, context: TemplateContext): Record<string, Tree> {
  const schema = z.record(z.string(), z.record(z.string(), z.unknown()));
  const said = dropNulls((flavour.document.data as Tree).external ?? {});
  const external = validate(schema, evaluateTagged(said, context), {
    document: flavour.document,
    path: ['external'],
    label: 'external',
  });
  return Object.fromEntries(
    Object.entries(external).map(([capability, fields]) => {
      const complete = completeFields(capability, withAddress(fields));
      const missing = missingFields(capability, complete);
      if (missing.length > 0) {
        throw configError('INCOMPLETE_CAPABILITY', `external.${capability} lacks ${missing.join(', ')}`, {
          at: flavour.document.locate(['external', capability], 'key'),
          hint: 'docs/configuration.md lists the fields of every capability',
        });
      }
      return [capability, complete];
    }),
  );
}

/** An endpoint URL says host and port too. */
function withAddress(fields: Tree): Tree {
  if (typeof fields.endpoint !== 'string' || !URL.canParse(fields.endpoint)) return fields;
  const url = new URL(fields.endpoint);
  const secure = url.protocol === 'https:';
  return { host: url.hostname, port: Number(url.port || (secure ? 443 : 80)), secure, ...fields };
}
