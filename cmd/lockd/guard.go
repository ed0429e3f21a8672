package main

import "time"

// verdict is what a guard says of a command's lock. Each one is said once, and in this order.
type verdict uint8

const (
	endGently verdict = iota + 1 // the last quarter of the lease has begun: TERM
	endNow                       // another holder may be granted the lock soon: KILL
)

// guardNap bounds how long a guard does not look at the clock: timers stand still while the machine sleeps.
const guardNap = 200 * time.Millisecond

// lastWords are how much of the lease is left when the group gets TERM and KILL.
type lastWords struct{ gentle, now time.Duration }

// lastWordsFor leaves the kill a twentieth of the TTL, but at least what a busy machine may need, and no more than a
// second; and the command the rest of a quarter to end by itself, at most ten seconds.
func lastWordsFor(ttl time.Duration) lastWords {
	now := min(max(ttl/20, 100*time.Millisecond), time.Second)
	return lastWords{gentle: min(ttl/4, now+10*time.Second), now: now}
}

// guard watches a lease and nothing else. It asks nobody but the clock, so that no network can hold it up.
type guard struct {
	left  func() time.Duration // of the lease, by a clock that counts while the machine sleeps; zero when it is over
	limit lastWords
	lost  <-chan struct{} // closed when the lock is known to be lost
	said  chan<- verdict
	stop  <-chan struct{}
}

// watch returns when the last word is said, or at stop.
func (g *guard) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for g.pause(timer) {
		left := g.left()
		if left <= g.limit.gentle {
			g.finish(left)
			return
		}
		timer.Reset(min(left-g.limit.gentle, guardNap))
	}
}

// finish says both words. Whatever is renewed after the first one does not put the second one off: the command is ending.
func (g *guard) finish(left time.Duration) {
	g.say(endGently)
	began := time.Now()
	grace := left - g.limit.now
	timer := time.NewTimer(0)
	defer timer.Stop()
	for g.pause(timer) {
		rest := min(grace-time.Since(began), g.left()-g.limit.now)
		if rest <= 0 {
			g.say(endNow)
			return
		}
		timer.Reset(min(rest, guardNap))
	}
}

// pause waits for the timer, or for the news that it is over. It is false at stop.
func (g *guard) pause(timer *time.Timer) bool {
	select {
	case <-timer.C:
		return true
	case <-g.lost:
		return true
	case <-g.stop:
		return false
	}
}

func (g *guard) say(v verdict) {
	select {
	case g.said <- v:
	case <-g.stop:
	}
}
