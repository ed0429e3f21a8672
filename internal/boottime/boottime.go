// Package boottime is a monotonic clock that counts while the machine is suspended, which Go's own does not. Leases are counted by it, the
// clients' of their sessions and the leader's of its post: a machine that was suspended must not believe that no time has passed.
package boottime

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Now reads the clock. It begins anywhere.
func Now() time.Duration {
	var reading unix.Timespec
	if err := unix.ClockGettime(clock, &reading); err != nil {
		panic(fmt.Sprintf("boottime: without its clock no lease can be counted: %v", err))
	}
	return time.Duration(reading.Nano())
}
