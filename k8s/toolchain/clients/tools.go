//go:build tools

// Package clients pins helm, kwok and kwokctl, which `datamill tools install`
// builds where the official releases cannot be had. go.sum is the check.
package clients

import (
	_ "helm.sh/helm/v4/cmd/helm"
	_ "sigs.k8s.io/kwok/cmd/kwok"
	_ "sigs.k8s.io/kwok/cmd/kwokctl"
)
