import { IMAGE_CODE, IMAGE_ENVIRONMENT } from './code.ts';
import type { Checked } from './index.ts';
import { environmentMaking } from './script.ts';

/**
 * The files that say how an image with the project is made, by name; they stand beside the folder
 * `project`. Docker, podman and buildah read the same form.
 */
export function containerfile(
  { settings, environment, hasSetup }: Checked,
  version: string,
): Record<string, string> {
  const file = { ...environment, file: settings.environment };
  return {
    Containerfile: [
      `FROM ${settings.image}`,
      `COPY project ${IMAGE_CODE}`,
      'COPY environment.sh /tmp/environment.sh',
      `RUN cd ${IMAGE_CODE} && bash /tmp/environment.sh && rm /tmp/environment.sh`,
      `LABEL datamill.io.version=${version}`,
      '',
    ].join('\n'),
    'environment.sh': [
      'set -euo pipefail',
      `environment=${IMAGE_ENVIRONMENT}`,
      ...environmentMaking({ environment: file, hasSetup }),
      '',
    ].join('\n'),
  };
}
