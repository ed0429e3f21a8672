//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package fence

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockExclusively takes the directory until it is closed, or the process ends. Two guards on
// one directory would each refuse only what they have seen themselves.
func lockExclusively(directory *os.File) error {
	err := syscall.Flock(int(directory.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("the directory is in use by another guard")
	}
	if err != nil {
		return fmt.Errorf("lock the directory: %w", err)
	}
	return nil
}
