package session

import (
	"time"

	"lockd/lockfsm"
)

// lose is the end of the lease, and of everything that rested on it.
func (s *Session) lose() {
	s.enter(Gone)
	s.finishAll(ErrLost)
	s.requests = nil
}

// vanish loses a session of which the servers say that it is no more, so that there is nothing to close. The
// request that got this answer was not carried out if it was sent only once; a repeated one may have
// been, while the session lived.
func (s *Session) vanish(r *request, result lockfsm.Result) {
	if r != nil && r.lock != nil && r.attempt == 1 && !r.cancels() && !r.superseded {
		s.finish(r.lock, Refused{Handle: r.lock.handle, Result: result})
	}
	if s.state != Closed && s.state != Gone {
		s.lose()
	}
	s.end()
}

// fail ends a session that the servers will not open.
func (s *Session) fail(err error) {
	s.tell(NotOpened{Err: err})
	s.lose()
	s.end()
}

// close is the application's wish. Locks are not released one by one: a single Close hands all of them
// over, and those that were granted are told Released when it is answered.
func (s *Session) close() {
	if s.state == Gone || s.state == Closed {
		return
	}
	usable := s.alive()
	s.enter(Closed)
	for _, l := range s.byHandle() {
		if l.token == 0 {
			s.finish(l, l.afterwards(ErrClosed))
		}
	}
	if !usable { // an Open may be on its way: what it opens holds nothing, and expires
		s.end()
		return
	}
	s.beginClosing(s.lease.end)
}

// beginClosing drops every request for a Close, which is repeated until it is answered or not worth it any more.
func (s *Session) beginClosing(giveUp time.Duration) {
	s.requests = nil
	s.giveUp = giveUp
	s.add(&request{command: lockfsm.Close{Session: s.id}})
}

func (s *Session) closed(result lockfsm.Result) {
	for _, l := range s.byHandle() {
		s.finish(l, Released{Handle: l.handle, Result: result})
	}
	s.end()
}

// end is when nothing is left to be sent. Locks that are still here were closed without an answer.
func (s *Session) end() {
	s.finishAll(ErrLost)
	s.requests = nil
	s.giveUp = Never
	s.ended = true
	s.tell(Ended{})
}

func (s *Session) finishAll(why error) {
	for _, l := range s.byHandle() {
		s.finish(l, l.afterwards(why))
	}
}

// afterwards is what is known about a lock when its session has come to an end: that it is lost, if it was
// granted and no Release was sent; that it was never asked for, if no Acquire was sent; else nothing.
func (l *lock) afterwards(why error) Event {
	sent := l.request != nil && l.request.attempt > 0
	switch {
	case l.token != 0 && !sent:
		return Lost{Handle: l.handle}
	case l.stage == wanted && !sent:
		return Rejected{Handle: l.handle, Err: why}
	}
	return Unknown{Handle: l.handle}
}
