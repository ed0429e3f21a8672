package sim

import "time"

// clock is a place's own monotonic clock: a straight line over true time. Each boot begins at an instant of its own, as
// that of a real machine does, so that nobody can compare two of them.
type clock struct {
	boot  time.Duration // what it shows at true time zero
	drift int64         // by how many parts in a million it runs fast
}

// read is what the clock shows at an instant of true time.
func (c clock) read(at time.Duration) time.Duration {
	return c.boot + at*time.Duration(million+c.drift)/million
}

// when is the first true time at which the clock shows an instant.
func (c clock) when(instant time.Duration) time.Duration {
	rate := time.Duration(million + c.drift)
	return ((instant-c.boot)*million + rate - 1) / rate
}
