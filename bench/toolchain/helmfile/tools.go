//go:build tools

// Package helmfile pins helmfile, against which data-mill is measured. go.sum is the check.
package helmfile

import _ "github.com/helmfile/helmfile"
