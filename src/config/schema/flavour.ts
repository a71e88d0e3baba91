import { z } from 'zod';
import { anyMap, apiVersion } from './common.ts';
import { InlineComponent } from './component.ts';
import { Project } from './project.ts';
import { HybridTarget, LocalTarget, RemoteTarget } from './target.ts';

/** The parts of a flavour that are not sections of components. */
export const flavourWords = {
  apiVersion,
  extends: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .meta({ description: 'Flavour files that this one builds on.' }),
  project: Project.prefault({}),
  components: z
    .record(z.string(), InlineComponent)
    .optional()
    .meta({ description: 'Components defined here, in the words of component.yaml.' }),
  external: z
    .record(z.string(), anyMap)
    .optional()
    .meta({ description: 'Capabilities from outside the cluster.' }),
  local: LocalTarget.optional(),
  remote: RemoteTarget.optional(),
  hybrid: HybridTarget.optional(),
  dev: anyMap.optional().meta({ description: 'What `datamill dev` starts.' }),
};

/** A flavour, for the editor schema: sections of components are anything here. */
export const FlavourFile = z.object(flavourWords).catchall(anyMap.nullable());
