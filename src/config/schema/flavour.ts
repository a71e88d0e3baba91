import * as z from 'zod';
import { anyMap, apiVersion } from './common.ts';
import { InlineComponent } from './component.ts';
import { Dev } from './dev.ts';
import { Project } from './project.ts';
import { Secrets } from './secrets.ts';
import { HybridTarget, LocalTarget, RemoteTarget } from './target.ts';

/** The parts of a flavour that are not sections of components. */
export const flavourWords = {
  apiVersion,
  extends: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta({ description: 'Flavour files that this one builds on.' }),
  project: Project.prefault({}).meta({ description: 'What holds for the whole platform.' }),
  components: z
    .record(z.string(), InlineComponent)
    .optional()
    .meta({ description: 'Components defined here, in the words of component.yaml.' }),
  external: z
    .record(z.string(), anyMap)
    .optional()
    .meta({ description: 'Capabilities from outside the cluster.' }),
  secrets: Secrets.optional().meta({ description: 'Where Secrets of the flavour itself come from.' }),
  local: LocalTarget.optional().meta({ description: 'A target on this machine.' }),
  remote: RemoteTarget.optional().meta({ description: 'A target somewhere else.' }),
  hybrid: HybridTarget.optional().meta({ description: 'A cluster that is there already.' }),
  dev: Dev.optional().meta({ description: 'What `datamill dev` starts.' }),
};
