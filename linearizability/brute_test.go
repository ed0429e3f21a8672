package linearizability

import (
	"cmp"
	"slices"
	"time"
)

// bruteForce tries everything that can have happened between any two events of a history of one lock and a few operations.
// It follows the meaning of operations as their documentation has it, and knows no acts, chains or bounds.
func bruteForce(h *History) bool {
	b := newBrute(h)
	states := map[bruteState]bool{{}: true}
	latest := time.Duration(-1 << 62)
	for _, e := range b.events {
		latest = max(latest, e.at)
		states = b.between(states, latest)
		after := map[bruteState]bool{}
		for s := range states {
			bit := uint16(1) << e.operation
			switch o := &h.Operations[e.operation]; {
			case e.call:
				s.called |= bit
				after[s] = true
			case o.Outcome == Unknown || o.Outcome == Rejected || s.done&bit != 0 && s.told&bit != 0:
				after[s] = true
			}
		}
		states = after
	}
	return len(states) > 0
}

type brute struct {
	history *History
	events  []bruteEvent
	orphans []uint64
	legal   map[uint64]time.Duration
}

type bruteEvent struct {
	number    uint64
	at        time.Duration
	operation int
	call      bool
}

// stranger is the session of a lock that is held under an orphan's token: it may be freed at any time.
const stranger = 63

// bruteState is what the service may be like.
type bruteState struct {
	holder, session, last uint64
	dead                  uint64 // a bit for each session
	called, done, told    uint16 // a bit for each operation
}

func newBrute(h *History) *brute {
	b := &brute{history: h, legal: h.legalEnds()}
	granted := map[uint64]bool{}
	for i, o := range h.Operations {
		b.events = append(b.events, bruteEvent{o.Call, o.Called, i, true})
		if o.Return != Never {
			b.events = append(b.events, bruteEvent{o.Return, o.Returned, i, false})
		}
		if o.Kind == Acquire && o.Outcome == Done {
			granted[o.Token] = true
		}
	}
	for _, o := range h.Operations {
		for _, token := range []uint64{o.Token, o.Current} {
			if token != 0 && !granted[token] && !slices.Contains(b.orphans, token) {
				b.orphans = append(b.orphans, token)
			}
		}
	}
	slices.SortFunc(b.events, func(x, y bruteEvent) int { return cmp.Compare(x.number, y.number) })
	return b
}

// legalEnds is from when on each session may expire.
func (h *History) legalEnds() map[uint64]time.Duration {
	begins, ttl, ends := map[uint64]time.Duration{}, map[uint64]time.Duration{}, map[uint64]time.Duration{}
	for _, o := range h.Operations {
		if begin, known := begins[o.Session]; o.Kind == Open && o.Outcome == Done && (!known || h.earliestBegin(o) < begin) {
			begins[o.Session] = h.earliestBegin(o)
		}
		if o.Kind == Open && o.Outcome == Done {
			ttl[o.Session] = o.TTL
		}
	}
	end := func(session uint64, from time.Duration) {
		legal := from + ttl[session]*1_000_000/time.Duration(1_000_000+h.Drift) - h.Slack
		if old, known := ends[session]; ttl[session] > 0 && (!known || legal > old) {
			ends[session] = legal
		}
	}
	for session, begin := range begins {
		end(session, begin)
	}
	for _, o := range h.Operations {
		if o.Kind == Renew && o.Outcome == Done {
			end(o.Session, o.Called)
		}
	}
	return ends
}

// earliestBegin is when the session of an answered Open can have been opened at the earliest: by that, or by another Open of the same
// client that got no answer, unless its client has heard of a session since.
func (h *History) earliestBegin(o Operation) time.Duration {
	begin := o.Called
	for _, p := range h.Operations {
		same := p.Kind == Open && p.Outcome == Unknown && p.Client == o.Client && p.Call < o.Call
		over := slices.ContainsFunc(h.Operations, func(q Operation) bool {
			return q.Kind == Open && q.Outcome == Done && q.Client == o.Client && q.Session != o.Session && q.Call < o.Call && p.Call < q.Return
		})
		if same && !over {
			begin = min(begin, p.Called)
		}
	}
	return begin
}

// between adds every state that can be reached before the next event, at which the latest true time is known.
func (b *brute) between(states map[bruteState]bool, latest time.Duration) map[bruteState]bool {
	var queue []bruteState
	reach := func(s bruteState) {
		if !states[s] {
			states[s] = true
			queue = append(queue, s)
		}
	}
	for s := range states {
		queue = append(queue, s)
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for i := range b.history.Operations {
			if bit := uint16(1) << i; s.called&bit != 0 {
				b.happen(s, i, bit, reach)
			}
		}
		if s.session == stranger {
			n := s
			n.holder, n.session = 0, 0
			reach(n)
		}
		if legal, mortal := b.legal[s.session]; s.holder != 0 && mortal && latest >= legal {
			reach(s.bury(s.session))
		}
	}
	return states
}

// bury ends a session, and what it holds.
func (s bruteState) bury(session uint64) bruteState {
	s.dead |= 1 << session
	if s.session == session && s.holder != 0 {
		s.holder, s.session = 0, 0
	}
	return s
}

// happen lets an operation be carried out, or the holder be looked up that its answer tells.
func (b *brute) happen(s bruteState, i int, bit uint16, reach func(bruteState)) {
	o := &b.history.Operations[i]
	n := s
	n.done |= bit
	mainly := s.done&bit == 0
	atOnce := o.Kind == Check || o.Kind == Acquire && o.Outcome == Refused
	if !o.Tells || o.Outcome == Unknown || atOnce || o.Kind <= Close {
		n.told |= bit
	} else if (s.done&bit != 0 || o.Kind == Release && o.Outcome == Refused) && s.told&bit == 0 && s.holder == o.Current {
		t := s
		t.told |= bit
		reach(t)
	}
	if !mainly || o.Outcome == Rejected || atOnce && o.Tells && o.Outcome != Unknown && s.holder != o.Current {
		return
	}
	b.carryOut(s, n, o, reach)
}

func (b *brute) carryOut(s, n bruteState, o *Operation, reach func(bruteState)) {
	switch {
	case o.Kind == Acquire && o.Outcome == Done:
		if s.holder == 0 && o.Token > s.last && s.dead&(1<<o.Session) == 0 {
			n.holder, n.last, n.session = o.Token, o.Token, o.Session
			reach(n)
		}
	case o.Kind == Acquire && o.Outcome == Unknown:
		for _, token := range b.orphans {
			if s.holder == 0 && token > s.last {
				n.holder, n.last, n.session = token, token, stranger
				reach(n)
			}
		}
	case o.Kind == Release && (o.Outcome == Done || o.Outcome == Unknown):
		if s.holder == o.Token && o.Token != 0 {
			n.holder, n.session = 0, 0
			reach(n)
		}
	case o.Kind == Release, o.Kind == Check && o.Outcome == Refused:
		if s.holder != o.Token || o.Token == 0 {
			reach(n)
		}
	case o.Kind == Check && o.Outcome == Done:
		if s.holder == o.Token && o.Token != 0 {
			reach(n)
		}
	case o.Kind == Close:
		d := n.bury(o.Session)
		reach(d)
	case o.Kind == Renew && o.Outcome == Refused:
		if s.session != o.Session { // that it dies early does not matter as long as it holds nothing
			n.dead |= 1 << o.Session
			reach(n)
		}
	default:
		reach(n)
	}
}
