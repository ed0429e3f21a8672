package boottime

import "golang.org/x/sys/unix"

// clock counts while the machine is suspended, which CLOCK_MONOTONIC (and so Go's time package) does not: clock_gettime(2).
const clock = unix.CLOCK_BOOTTIME
