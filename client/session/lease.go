package session

import (
	"time"

	"lockd/lockfsm"
)

// lease is the time for which the session may believe itself alive.
type lease struct {
	span time.Duration // how much of the TTL may be believed
	end  time.Duration // from here on nothing is held; zero before the Open is answered
}

// extend counts the lease from before the first sending of what was acknowledged. It never shortens: an
// acknowledgement says that the lease lasts at least so long.
func (l *lease) extend(first time.Duration) { l.end = max(l.end, first+l.span) }

// renewal is when the next renewal is due: a third of the lease is gone.
func (l *lease) renewal() time.Duration { return l.end - l.span + l.span/3 }

// jeopardy is when a third is left, rounded so that it lies before the end.
func (l *lease) jeopardy() time.Duration { return l.end - (l.span+2)/3 }

// next is the moment at which the lease changes the session's state.
func (l *lease) next(state State) time.Duration {
	switch state {
	case Safe:
		return l.jeopardy()
	case Jeopardy:
		return l.end
	}
	return Never
}

// watchLease makes the state what the clock says.
func (s *Session) watchLease() {
	if s.alive() && s.now >= s.lease.end {
		s.lose()
		s.beginClosing(s.now + s.lease.span)
	}
	if s.state == Safe && s.now >= s.lease.jeopardy() {
		s.enter(Jeopardy)
	}
	if s.now >= s.giveUp {
		s.end()
	}
}

// opened takes the session into use, unless the Open took so long that nothing is known about what is left of
// the lease. Then a renewal comes first.
func (s *Session) opened(r *request, result lockfsm.Result) {
	assert(s.id == 0, "a session is opened once")
	s.retire(r)
	if result.Status != lockfsm.OK {
		s.fail(&StatusError{Status: result.Status})
		return
	}
	s.id = result.Session
	s.lease.span = s.config.believable(result.TTL)
	s.renewed(r.first)
}

// renewed counts the lease anew. A session that is lost is not asked: its renewals were dropped with it.
func (s *Session) renewed(first time.Duration) {
	s.lease.extend(first)
	if s.now < s.lease.end && s.state == Opening || s.now < s.lease.jeopardy() && s.state == Jeopardy {
		s.enter(Safe)
	}
}

// renewalDue is when the next renewal is to be made; Never while one is outstanding.
func (s *Session) renewalDue() time.Duration {
	if s.id == 0 || !s.alive() && s.state != Opening {
		return Never
	}
	for _, r := range s.requests {
		if r.renews() {
			return Never
		}
	}
	return s.lease.renewal()
}

func (s *Session) renewWhenDue() {
	if s.renewalDue() <= s.now {
		s.add(&request{command: lockfsm.Renew{Sessions: []lockfsm.SessionID{s.id}}})
	}
}
