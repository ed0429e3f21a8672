package client

import "golang.org/x/sys/unix"

// leaseClock counts while the machine is suspended, which CLOCK_MONOTONIC (and so Go's time package) does not: clock_gettime(2).
const leaseClock = unix.CLOCK_BOOTTIME
