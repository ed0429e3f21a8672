package session

import (
	"maps"
	"slices"

	"lockd/lockfsm"
)

// stage is how far a handle has come.
type stage uint8

const (
	wanted  stage = iota + 1 // its Acquire has no answer
	granted                  // held, while the session is alive
	leaving                  // its Release or Cancel has no answer
)

// lock is a handle that is not done with.
type lock struct {
	handle  Handle
	name    string
	stage   stage
	token   lockfsm.Token // of the grant; zero before
	request *request      // the one whose answer comes next: Acquire, Release or Cancel; none while granted
}

func (s *Session) acquire(input Acquire) {
	assert(s.locks[input.Handle] == nil, "a handle is fresh")
	switch {
	case s.state == Gone:
		s.tell(Rejected{Handle: input.Handle, Err: ErrLost})
	case s.state == Closed:
		s.tell(Rejected{Handle: input.Handle, Err: ErrClosed})
	case s.sequence-s.acknowledged() >= MaxRequests:
		s.tell(Rejected{Handle: input.Handle, Err: ErrTooManyRequests})
	default:
		l := &lock{handle: input.Handle, name: input.Name, stage: wanted}
		l.request = s.addNumbered(&request{
			command: lockfsm.Acquire{Name: input.Name, Value: input.Value, Wait: input.Wait},
			lock:    l,
		})
		s.locks[l.handle] = l
	}
}

func (s *Session) acquireAnswered(r *request, result lockfsm.Result) {
	l := r.lock
	if l.stage == leaving {
		return // the Cancel takes back whatever this says
	}
	switch {
	case result.Status == lockfsm.OK && result.Current != result.Token:
		s.finish(l, Lost{Handle: l.handle}) // somebody who knew the token has released it
	case result.Status == lockfsm.OK:
		assert(result.Token != 0, "a grant has a token")
		s.retire(r)
		l.request = nil
		l.stage = granted
		l.token = result.Token
		s.tell(Granted{Handle: l.handle, Result: result})
	case result.Status == lockfsm.SequenceForgotten || result.Status == lockfsm.SequenceReused:
		s.finish(l, Unknown{Handle: l.handle})
	default:
		s.finish(l, Refused{Handle: l.handle, Result: result})
	}
}

// giveBack is a Release or a Cancel. Which of the two the servers get depends on whether the grant has
// arrived, which the caller may not have known.
func (s *Session) giveBack(handle Handle) {
	l := s.locks[handle]
	switch {
	case l == nil:
		s.tell(Rejected{Handle: handle, Err: ErrNotHeld})
	case l.stage == granted:
		l.stage = leaving
		if s.state != Closed {
			l.request = s.addNumbered(&request{command: lockfsm.Release{Name: l.name, Token: l.token}, lock: l})
		}
	case l.stage == wanted && l.request.attempt == 0:
		s.finish(l, Rejected{Handle: handle, Err: ErrCanceled})
	case l.stage == wanted:
		l.stage = leaving
		l.request.superseded = true
		l.request = s.addNumbered(&request{command: lockfsm.Cancel{Target: l.request.sequence}, lock: l})
	}
}

func (s *Session) releaseAnswered(r *request, result lockfsm.Result) {
	switch result.Status {
	case lockfsm.OK:
		s.finish(r.lock, Released{Handle: r.lock.handle, Result: result})
	case lockfsm.TooManyRequests:
		s.putOff(r)
	default:
		s.finish(r.lock, Refused{Handle: r.lock.handle, Result: result})
	}
}

func (s *Session) cancelAnswered(r *request, result lockfsm.Result) {
	switch result.Status {
	case lockfsm.TooManyRequests:
		s.putOff(r)
	case lockfsm.OK:
		s.finish(r.lock, Canceled{Handle: r.lock.handle, Result: result})
	default:
		s.finish(r.lock, Unknown{Handle: r.lock.handle})
	}
}

// byHandle are all locks, in an order that is the same in every run.
func (s *Session) byHandle() []*lock {
	locks := make([]*lock, 0, len(s.locks))
	for _, handle := range slices.Sorted(maps.Keys(s.locks)) {
		locks = append(locks, s.locks[handle])
	}
	return locks
}

// finish is done with a handle, and with its requests.
func (s *Session) finish(l *lock, outcome Event) {
	s.requests = slices.DeleteFunc(s.requests, func(r *request) bool { return r.lock == l })
	delete(s.locks, l.handle)
	s.tell(outcome)
}
