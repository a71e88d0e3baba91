//go:build tools

// Package s5cmd pins s5cmd, against which `data push` is measured. go.sum is the check.
package s5cmd

import _ "github.com/peak/s5cmd/v2"
