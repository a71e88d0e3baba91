//go:build tools

// Package localpathprovisioner pins the program that the testbed builds. go.sum is the check.
package localpathprovisioner

import _ "github.com/rancher/local-path-provisioner"
