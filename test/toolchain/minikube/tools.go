//go:build tools

// Package minikube pins the minikube that the command lines of the driver are tried on.
// test/helpers/cluster-tools.ts builds it; go.sum is the check.
package minikube

import _ "k8s.io/minikube/cmd/minikube"
