// The only importer of the Kubernetes client library, itself imported when it is needed: the
// bundle then keeps it apart, and only the part of its thousand files that is named here.
export { KubeConfig } from '@kubernetes/client-node';
