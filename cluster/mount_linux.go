package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrNoPrivilege says that this process may not mount file systems.
var ErrNoPrivilege = errors.New("mounting a file system takes privileges that this process does not have")

// MountSmallDisks gives each member that is to have its data below folder a small disk in memory. Where it can't be mounted, whatever the
// system says, the error wraps ErrNoPrivilege.
func MountSmallDisks(folder string, members int) (unmount func() error, err error) {
	var mounted []string
	unmount = func() (err error) {
		for _, path := range mounted {
			err = errors.Join(err, unix.Unmount(path, unix.MNT_DETACH))
		}
		return err
	}
	for id := 1; id <= members; id++ {
		path := filepath.Join(folder, fmt.Sprintf("node-%d", id))
		if err := os.Mkdir(path, 0o700); err != nil {
			return nil, errors.Join(err, unmount())
		}
		if err := unix.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%d", SmallDisk)); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: mount %s: %v", ErrNoPrivilege, path, err), unmount())
		}
		mounted = append(mounted, path)
	}
	return unmount, nil
}
