import { goTool } from './go-tool.ts';

/** The real command lines of minikube and kind; node images cannot be had everywhere, so no cluster. */
export const realTools = {
  minikube: goTool('minikube', 'k8s.io/minikube/cmd/minikube', {
    tags: 'libvirt_dlopen',
    cgo: true,
    variables: ['k8s.io/minikube/pkg/version.version=v1.38.1'],
  }),
  kind: goTool('kind', 'sigs.k8s.io/kind'),
};
