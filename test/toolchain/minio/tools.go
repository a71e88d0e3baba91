//go:build tools

// Package minio pins the program that the testbed builds. go.sum is the check.
package minio

import _ "github.com/minio/minio"
