package linearizability

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// life is what a history says about a session. Positions are as in spans; an operation of -1 means that there is none.
type life struct {
	// expiry is from when on it may have ended by itself: its whole TTL after the last answered renewal was called.
	expiry    uint64
	renewedBy int
	// closed is from when on it may have been closed.
	closed   uint64
	closedBy int
	// gone is by when it had ended at the latest: whoever closed it was told so, or whoever would renew it.
	gone   uint64
	goneBy int

	// opened is since when it may have lived; ttl, how long from then on, and from each renewal.
	opened   time.Duration
	openedBy int
	ttl      time.Duration
	legal    time.Duration // the end of the TTL in true time
}

// immortal is the life of what has no session, and of a session that was never opened: it never ends by itself.
var immortal = &life{expiry: Never, renewedBy: -1, closed: Never, closedBy: -1, gone: Never, goneBy: -1, openedBy: -1}

// sessions gathers the lives of all sessions that a history knows.
func sessions(h *History) map[uint64]*life {
	lives := map[uint64]*life{}
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Session == 0 || o.Kind != Open && o.Kind != Renew && o.Kind != Close {
			continue
		}
		l := lives[o.Session]
		if l == nil {
			fresh := *immortal
			l = &fresh
			lives[o.Session] = l
		}
		l.note(o, i)
	}
	open(h, lives)
	for i := range h.Operations {
		if o := &h.Operations[i]; o.Session != 0 && o.Outcome == Done && o.Kind == Renew {
			lives[o.Session].renewed(o.Called, i, h)
		}
	}
	placeExpiries(h, lives)
	return lives
}

// note reads an Open for the TTL, and an end. A Close that was refused may have been carried out before, by itself, when its
// first answer was lost.
func (l *life) note(o *Operation, i int) {
	answered := o.Outcome == Done || o.Outcome == Refused
	switch {
	case o.Kind == Open && o.Outcome == Done:
		if l.ttl == 0 || o.TTL > 0 && o.TTL < l.ttl {
			l.ttl = o.TTL
		}
	case o.Kind == Renew && o.Outcome == Refused, o.Kind == Close && answered:
		if gone := position(o.Return); gone < l.gone {
			l.gone, l.goneBy = gone, i
		}
	}
	if o.Kind == Close && o.Outcome != Rejected && position(o.Call) < l.closed {
		l.closed, l.closedBy = position(o.Call), i
	}
}

// open finds since when sessions live. An Open whose answer is lost is sent again, and the answer to that tells of the session
// that the first one has opened, which is none the younger for it. So a session counts from the first Open that its client
// has heard nothing of, if that was called after the client last heard of a session. For that, a client opens one session at
// a time.
func open(h *History, lives map[uint64]*life) {
	var opens []int
	for i := range h.Operations {
		if o := &h.Operations[i]; o.Kind == Open && (o.Outcome == Done || o.Outcome == Unknown) {
			opens = append(opens, i)
		}
	}
	slices.SortFunc(opens, func(a, b int) int { return cmp.Compare(h.Operations[a].Call, h.Operations[b].Call) })
	const nothing = time.Duration(math.MaxInt64)
	type client struct {
		unheard time.Duration // the first Open without an answer
		heard   uint64        // the last answer
	}
	clients := map[int32]client{}
	for _, i := range opens {
		o := &h.Operations[i]
		c, known := clients[o.Client]
		if !known {
			c.unheard = nothing
		}
		switch {
		case o.Outcome == Done:
			if o.Session != 0 {
				lives[o.Session].begun(min(o.Called, c.unheard), i)
			}
			c = client{nothing, max(c.heard, o.Return)}
		case o.Call > c.heard:
			c.unheard = min(c.unheard, o.Called)
		}
		clients[o.Client] = c
	}
	for _, i := range opens {
		if l := lives[h.Operations[i].Session]; l != nil && l.openedBy == i {
			l.renewed(l.opened, i, h)
		}
	}
}

func (l *life) begun(since time.Duration, i int) {
	if l.openedBy < 0 || since < l.opened {
		l.opened, l.openedBy = since, i
	}
}

// renewed counts the TTL from the call of what was answered, on a clock that is as fast as is allowed.
func (l *life) renewed(called time.Duration, i int, h *History) {
	if l.ttl == 0 {
		return
	}
	if legal := called + slowest(l.ttl, h.Drift) - h.Slack; l.renewedBy < 0 || legal > l.legal {
		l.legal, l.renewedBy = legal, i
	}
}

// slowest is the true time in which a clock that runs fast by the drift counts a duration.
func slowest(d time.Duration, drift int64) time.Duration {
	const million = 1_000_000
	fast := time.Duration(million + drift)
	return d/fast*million + d%fast*million/fast
}

// placeExpiries finds the moment of each earliest legal end among the events: before the first event that came no earlier.
func placeExpiries(h *History, lives map[uint64]*life) {
	mortal := make([]*life, 0, len(lives))
	for _, session := range slices.Sorted(maps.Keys(lives)) {
		if l := lives[session]; l.renewedBy >= 0 {
			mortal = append(mortal, l)
		}
	}
	if len(mortal) == 0 {
		return
	}
	slices.SortStableFunc(mortal, func(a, b *life) int { return cmp.Compare(a.legal, b.legal) })
	first := make([]uint64, len(mortal)) // of the events before which so many of them have expired
	for k := range first {
		first[k] = Never
	}
	last := uint64(0)
	seen := func(event uint64, at time.Duration) {
		last = max(last, event)
		k, _ := slices.BinarySearchFunc(mortal, at, func(l *life, at time.Duration) int {
			if l.legal <= at {
				return -1
			}
			return 1
		})
		if k > 0 {
			first[k-1] = min(first[k-1], event)
		}
	}
	for i := range h.Operations {
		o := &h.Operations[i]
		seen(o.Call, o.Called)
		if o.Return != Never {
			seen(o.Return, o.Returned)
		}
	}
	next := last + 1
	for k := len(mortal) - 1; k >= 0; k-- {
		next = min(next, first[k])
		mortal[k].expiry = position(next) - 1
	}
}
