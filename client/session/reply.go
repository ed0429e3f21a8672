package session

import (
	"lockd/lockfsm"
)

// answer takes an answer of the lock machine, from whichever sending of the request it comes.
func (s *Session) answer(a Answer) {
	if s.ended {
		return
	}
	r := s.find(a.Correlation)
	if a.Result.Status == lockfsm.UnknownSession && s.id != 0 && (r != nil || a.Result.Session == s.id) {
		s.vanish(r, a.Result)
		return
	}
	if r == nil || a.Result.Status == lockfsm.Waiting {
		return
	}
	if r.correlation() == a.Correlation {
		s.answered(r)
	} else {
		s.tooSoon()
	}
	r.refusals = 0
	switch r.command.(type) {
	case lockfsm.Open:
		s.opened(r, a.Result)
	case lockfsm.Renew:
		s.retire(r)
		s.renewed(r.first)
	case lockfsm.Close:
		s.closed(a.Result)
	case lockfsm.Acquire:
		s.acquireAnswered(r, a.Result)
	case lockfsm.Release:
		s.releaseAnswered(r, a.Result)
	case lockfsm.Cancel:
		s.cancelAnswered(r, a.Result)
	}
}

// refusal takes a refusal of the latest sending. One of an earlier sending says nothing about the one in flight.
func (s *Session) refusal(refusal Refusal) {
	r := s.find(refusal.Correlation)
	if r == nil || !r.flying || r.correlation() != refusal.Correlation {
		return
	}
	r.ground(s.now, refusal.Reason == FateUnknown)
	switch refusal.Reason {
	case NotLeader, Stopping, FateUnknown:
		s.redirect(r.endpoint, refusal.Leader)
	case Overloaded, DiskFull:
		s.putOff(r)
	case Invalid:
		s.invalid(r, &InvalidError{Detail: refusal.Detail})
	}
	if r.renews() && !r.doubt {
		s.renewAfresh(r)
	}
}

// renewAfresh makes a renewal that was refused into a new one, which is counted from its own first sending. One of which
// an earlier sending may still be answered stays as it is: with a leader that takes longer to answer than the session's
// patience, whose repetitions others refuse, no answer would ever find its renewal again.
// The new number keeps an answer to an earlier sending of the old one from being taken for its own.
func (s *Session) renewAfresh(r *request) {
	s.numbers++
	r.number = s.numbers
	r.attempt = 0
	r.doubt = false
}

// putOff sends a request again after a pause that grows with each refusal.
func (s *Session) putOff(r *request) {
	r.ground(s.now+s.pause(r.refusals), false)
	r.refusals++
}

// invalid ends a request that can never succeed. When an earlier sending may have been carried out all the
// same, by a server with other limits, the outcome is unknown.
func (s *Session) invalid(r *request, err *InvalidError) {
	switch r.command.(type) {
	case lockfsm.Open:
		s.fail(err)
	case lockfsm.Renew:
		s.putOff(r)
	case lockfsm.Close:
		s.end()
	default:
		outcome := Event(Rejected{Handle: r.lock.handle, Err: err})
		if r.cancels() || r.doubt {
			outcome = Unknown{Handle: r.lock.handle}
		}
		s.finish(r.lock, outcome)
	}
}
