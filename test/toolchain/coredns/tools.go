//go:build tools

// Package coredns pins the program that the testbed builds. go.sum is the check.
package coredns

import _ "github.com/coredns/coredns"
