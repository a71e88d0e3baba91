// Package osspecific, the part for Linux: the module as it is served lacks this file. It is written
// for the testbed, after what argoexec calls.
package osspecific

import (
	"os"
	"syscall"

	"github.com/argoproj/argo-workflows/v3/util/errors"
)

// Term asks a program to end.
var Term = syscall.SIGTERM

// CanIgnoreSignal tells signals that the runtime of Go or the kernel send to argoexec itself.
func CanIgnoreSignal(signal os.Signal) bool {
	switch signal {
	case syscall.SIGCHLD, syscall.SIGURG:
		return true
	}
	return false
}

// Kill signals a program and all that it has started.
func Kill(pid int, signal syscall.Signal) error {
	if group, err := syscall.Getpgid(pid); err == nil {
		return syscall.Kill(-group, signal)
	}
	return syscall.Kill(pid, signal)
}

// Setpgid has a program lead a group of its own.
func Setpgid(attributes *syscall.SysProcAttr) {
	attributes.Setpgid = true
}

// Wait returns when the program has ended, with what it ended with.
func Wait(process *os.Process) error {
	state, err := process.Wait()
	if err != nil {
		return err
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return errors.NewExitErr(128 + int(status.Signal()))
	}
	return errors.NewExitErr(state.ExitCode())
}
