package boottime

import "golang.org/x/sys/unix"

// clock counts while the machine is asleep, as mach_continuous_time does: clock_gettime(3) says so of CLOCK_MONOTONIC, to which this
// one is alike, except that no adjustment of the time touches it. Go's time package uses mach_absolute_time, which stands still.
const clock = unix.CLOCK_MONOTONIC_RAW
