import * as z from 'zod';
import { ComponentFile, InlineComponent, sectionWords } from '../config/schema/component.ts';
import { flavourWords } from '../config/schema/flavour.ts';
import { obsoleteTargetKeys, TargetFile } from '../config/schema/target.ts';
import { type Component, openCatalogue } from './catalogue.ts';

export { capabilities } from './capabilities.ts';
export { openCatalogue };

type JsonSchema = Record<string, unknown>;

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/**
 * JSON Schemas (draft 7) of the files that people write, made of the zod schemas and of the
 * settings of the packaged components. For editors: `datamill validate` checks more.
 */
export function jsonSchemas(): { flavour: JsonSchema; target: JsonSchema; component: JsonSchema } {
  const catalogue = openCatalogue([]);
  const components = catalogue.names().map((name) => catalogue.get(name));
  const inline = toJson(InlineComponent);
  const words = Object.entries(flavourWords).map(([name, schema]) => [name, toJson(schema)]);
  const sections = components.map((component) => [component.name, sectionSchema(component)]);
  return {
    flavour: {
      ...titled('Flavour of data-mill'),
      type: 'object',
      properties: {
        ...Object.fromEntries(words),
        components: {
          description: 'Components defined here, in the words of component.yaml.',
          type: 'object',
          additionalProperties: { anyOf: [inline, { type: 'null' }] },
        },
        ...Object.fromEntries(sections),
      },
      additionalProperties: { type: ['object', 'null'] },
    },
    target: { ...titled('Target of data-mill'), ...toJson(TargetFile) },
    component: { ...titled('Component of data-mill (component.yaml)'), ...toJson(ComponentFile) },
  };
}

const old = { description: 'Kept for files of the original project.', deprecated: true };
const oldWords = { datalake: old, artifact_store: old };

/** What a flavour may say of one component. */
export function sectionSchema({ spec }: Component): JsonSchema {
  const common = toJson(z.strictObject(sectionWords)).properties as JsonSchema;
  return {
    type: ['object', 'null'],
    description: spec.summary,
    properties: { ...common, ...oldWords, k8s_namespace: common.namespace, ...spec.config },
    additionalProperties: false,
  };
}

function titled(title: string): JsonSchema {
  return { $schema: DRAFT, title };
}

function toJson(schema: z.ZodType): JsonSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
  });
  return withObsolete(rest);
}

/** Keys that are only kept for old files are struck through in editors. */
function withObsolete(schema: JsonSchema): JsonSchema {
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => {
        const reason = Object.hasOwn(obsoleteTargetKeys, key) ? obsoleteTargetKeys[key] : undefined;
        return [
          key,
          reason === undefined ? walk(value) : { description: `Ignored: ${reason}.`, deprecated: true },
        ];
      }),
    );
  };
  return walk(schema) as JsonSchema;
}
