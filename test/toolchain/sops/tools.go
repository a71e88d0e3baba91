//go:build tools

// Package sops pins the sops whose files the tests of a flavour's own secrets read.
// test/helpers/sops.ts builds it; go.sum is the check.
package sops

import _ "github.com/getsops/sops/v3/cmd/sops"
