package client

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// longestNap bounds how long a timer runs before the clock is looked at: timers stand still while the machine sleeps.
const longestNap = time.Second

// sinceBoot reads the clock by which leases are counted.
func sinceBoot() time.Duration {
	var reading unix.Timespec
	if err := unix.ClockGettime(leaseClock, &reading); err != nil {
		panic(fmt.Sprintf("client: without its clock no lease can be counted: %v", err))
	}
	return time.Duration(reading.Nano())
}
