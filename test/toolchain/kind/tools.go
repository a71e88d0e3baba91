//go:build tools

// Package kind pins the kind that the command lines of the driver are tried on.
// test/helpers/cluster-tools.ts builds it; go.sum is the check.
package kind

import _ "sigs.k8s.io/kind"
