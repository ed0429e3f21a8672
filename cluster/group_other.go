//go:build !linux

package cluster

import "syscall"

// groupLives tells whether any process of a process group still exists.
func groupLives(group int) bool { return syscall.Kill(-group, 0) == nil }
