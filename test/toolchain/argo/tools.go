//go:build tools

// Package argo pins the programs of Argo Workflows that tests run. go.sum is the check.
package argo

import (
	_ "github.com/argoproj/argo-workflows/v3/cmd/argoexec"
	_ "github.com/argoproj/argo-workflows/v3/cmd/workflow-controller"
)
