//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package fence

import (
	"errors"
	"os"
)

func lockExclusively(*os.File) error {
	return errors.New("durable guards need flock(2), which this system lacks")
}
