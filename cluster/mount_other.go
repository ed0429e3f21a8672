//go:build !linux

package cluster

import "errors"

// ErrNoPrivilege says that this process may not mount file systems.
var ErrNoPrivilege = errors.New("small disks are mounted on Linux only")

// MountSmallDisks is for Linux.
func MountSmallDisks(string, int) (unmount func() error, err error) { return nil, ErrNoPrivilege }
