//go:build tools

// Package helm3 pins the Helm 3 whose releases the control-plane tests hand over to Helm 4.
// test/helpers/helm3.ts builds it; go.sum is the check.
package helm3

import _ "helm.sh/helm/v3/cmd/helm"
