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

// CanIgnoreSignal tells signals that argoexec gets on its own account: ended children, and Go's preemption.
func CanIgnoreSignal(signal os.Signal) bool {
	return signal == syscall.SIGCHLD || signal == syscall.SIGURG
}

// Kill signals a program with the group that it leads or is in, where it has one.
func Kill(pid int, signal syscall.Signal) error {
	target := pid
	if leader, err := syscall.Getpgid(pid); err == nil {
		target = -leader
	}
	return syscall.Kill(target, signal)
}

// Setpgid has a program lead a group of its own.
func Setpgid(attributes *syscall.SysProcAttr) {
	attributes.Setpgid = true
}

// Wait returns when the program has ended: with its exit code, or 128 and the signal that ended it, as a shell says it.
func Wait(process *os.Process) error {
	ended, err := process.Wait()
	if err != nil {
		return err
	}
	code := ended.ExitCode()
	if status, known := ended.Sys().(syscall.WaitStatus); known && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return errors.NewExitErr(code)
}
