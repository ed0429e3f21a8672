package raft

import "time"

// A leader streams without waiting for answers, so what it sends faster than a follower takes it piles up on the way: in a socket, in the
// follower's inbox, before its disk. Heartbeats come behind that, and answers later still. A follower for which megabytes lie before a
// slow link then takes the leader for dead, and the leader the follower. What may be in flight is therefore found out: as much as is answered within
// about a heartbeat of the fastest answer that there was.
//
// The delay is the signal, as in LEDBAT (RFC 6817), not loss: nothing is lost on a stream until it breaks. The window grows by what is
// answered in time as long as it is the window that holds the leader back, doubling with each round trip, and is halved once for each round
// trip that was late.

// flow is what is on its way to one follower.
//
// Invariants: bytes is the sum of what is in flight; MinInflightBytes <= window <= MaxInflightBytes.
type flow struct {
	inflight []sentAppend
	bytes    int           // of entry data in flight
	window   int           // that may be in flight
	fastest  time.Duration // answer since the connection came about
	eased    time.Duration // when the window was halved last: what was sent before says nothing of the smaller one
}

// sentAppend is an Append that is not answered yet.
type sentAppend struct {
	last  Index
	bytes int
	at    time.Duration
}

// newFlow is that of a connection of which nothing is known. An answer that takes an election timeout is a late one anywhere.
func newFlow(c *Config) flow { return flow{window: c.MinInflightBytes, fastest: c.ElectionTimeout} }

// open tells whether another Append may leave.
func (f *flow) open(c *Config) bool { return len(f.inflight) < c.MaxInflight && f.bytes < f.window }

// departed counts an Append that is on its way.
func (f *flow) departed(last Index, bytes int, now time.Duration) {
	f.inflight = append(f.inflight, sentAppend{last, bytes, now})
	f.bytes += bytes
}

// arrived frees what the follower has acknowledged, and sizes the window by how long that took.
func (f *flow) arrived(match Index, now time.Duration, c *Config) {
	done, freed := 0, 0
	for ; done < len(f.inflight) && f.inflight[done].last <= match; done++ {
		freed += f.inflight[done].bytes
	}
	if done == 0 {
		return
	}
	narrow, latest := f.bytes >= f.window/2, f.inflight[done-1].at
	f.bytes -= freed
	f.inflight = append(f.inflight[:0], f.inflight[done:]...)
	f.fastest = min(f.fastest, now-latest)
	switch late := now-latest > f.fastest+c.Heartbeat; {
	case late && latest >= f.eased:
		f.window, f.eased = max(f.window/2, c.MinInflightBytes), now
	case !late && narrow:
		f.window += min(freed, c.MaxInflightBytes-f.window)
	}
}

// forgotten is what was in flight when the leader stops to believe that it arrives.
func (f *flow) forgotten() { f.inflight, f.bytes = f.inflight[:0], 0 }
