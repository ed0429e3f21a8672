package session

import (
	"math/rand/v2"
	"time"

	"lockd/lockfsm"
)

// Million is what drifts are parts of.
const Million = 1_000_000

// MaxRequests is how far above the low-water mark an Acquire may be numbered: half of what the lock machine
// remembers for a session. The other half is room to give back what the Acquires brought: a Release or a Cancel is never
// rejected for lack of room, but stays here while the machine has none.
const MaxRequests = lockfsm.MaxRequests / 2

// What to use where nothing else is known.
const (
	DefaultDrift        = 1000 // a millisecond in each second: far more than a crystal is off by
	DefaultResend       = 500 * time.Millisecond
	DefaultPause        = 20 * time.Millisecond
	DefaultLongestPause = 100 * time.Millisecond
)

// Config is what a session is made with. Every field must be given.
type Config struct {
	Endpoints int           // at least 1
	TTL       time.Duration // to ask for; the servers know the limits
	Owner     string        // for people: host and process, say
	Nonce     uint64        // drawn by the caller so that no two sessions of the cluster ever share it; not zero
	Drift     int64         // by which the rate of any clock, here or there, may be off, in parts per Million: 1 to half a million

	// Resend is how long the first sending of a request may stay unanswered before it is sent again. Each further
	// one has twice as long, up to an eighth of the lease. It grows when an answer shows that it was too short.
	Resend time.Duration
	// Pause is how long a session waits at first when it knows no leader or was refused for lack of room, LongestPause how
	// long at most. Each pause is drawn between half and the whole of what is due.
	Pause, LongestPause time.Duration

	Random rand.Source
}

func (c Config) check() {
	assert(c.Endpoints >= 1, "there is at least one endpoint")
	assert(c.TTL > 0, "a TTL is positive")
	assert(c.Nonce != 0, "a nonce is not zero: an Open without one can't be repeated")
	assert(1 <= c.Drift && c.Drift <= Million/2, "a drift is from one millionth to a half")
	assert(c.Resend > 0, "a request is given time to be answered")
	assert(0 < c.Pause && c.Pause <= c.LongestPause, "a pause is positive and no longer than the longest")
	assert(c.Random != nil, "pauses are drawn from a source")
}

// believable is how much of a lease of this TTL a client may believe in, counted on its own clock from before
// the request was sent: TTL·(1−ρ)/(1+ρ), rounded down. A server's clock that runs fast by ρ ends the lease
// after TTL/(1+ρ) of true time, and a client's that runs slow by ρ shows (1−ρ) of that.
func (c Config) believable(ttl time.Duration) time.Duration {
	fast, slow := time.Duration(Million+c.Drift), time.Duration(Million-c.Drift)
	// The quotient and the remainder are scaled apart: a TTL of three hours times a million is past 64 bits.
	return ttl/fast*slow + ttl%fast*slow/fast
}

func assert(holds bool, sentence string) {
	if !holds {
		panic("session: it must be that " + sentence)
	}
}
