package client

import (
	"fmt"
	"time"

	"lockd/client/session"
)

// step hands in what has happened, at the time that it is, and carries out what comes of it. Whoever has something to tell the session
// steps it: the caller of Lock, the reader of the network, the timer. Nothing in a step waits for the network, or for anybody.
func (s *Session) step(input session.Input) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.advance(input)
}

// begin is the step that makes an attempt.
func (s *Session) begin(a *attempt, acquire session.Acquire) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.over {
		s.attempts[a.handle] = a
	}
	s.advance(acquire)
}

// ring is the step of the timer.
func (s *Session) ring() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.rings = session.Never
	s.advance(session.Timeout{})
}

func (s *Session) advance(input session.Input) {
	if s.over {
		return
	}
	now := s.client.settings.clock()
	s.logic.Step(now, input)
	s.logic.Drain(&s.output)
	s.publish()
	for _, event := range s.output.Events {
		s.tell(event)
	}
	for _, sending := range s.output.Sends {
		s.client.links[sending.Endpoint].send(s, sending)
	}
	s.arm(now)
}

// arm sets the timer to the next deadline, or earlier: one that rings too early does no harm, and to move it with every request costs more.
// One that should have rung stood still while the machine was asleep.
func (s *Session) arm(now time.Duration) {
	due := min(s.logic.Deadline(), now+s.client.settings.nap)
	if s.over || now <= s.rings && s.rings <= due {
		return
	}
	s.rings = due
	s.timer.Reset(due - now)
}

// end is the last thing that happens to a session.
func (s *Session) end() {
	s.over = true
	s.timer.Stop()
	s.client.dismiss(s)
	close(s.ended)
}

// publish lets everybody know how the session stands.
func (s *Session) publish() {
	now := standing{state: s.logic.State(), until: s.logic.Until(), id: uint64(s.logic.ID())}
	if before := s.standing.Load(); before == nil || *before != now {
		s.standing.Store(&now)
	}
}

func (s *Session) tell(event session.Event) {
	switch e := event.(type) {
	case session.Changed:
		s.changed(e.State)
	case session.NotOpened:
		s.err = fromSession(opening, "", e.Err)
	case session.Ended:
		s.end()
	default:
		s.answer(event)
	}
}

func (s *Session) changed(state State) {
	switch state {
	case StateHeld:
		s.open()
	case StateLost:
		s.client.settings.logger.Warn("session lost", "session", s.ID())
		s.finish(ErrLost)
	case StateClosed:
		s.finish(ErrClosed)
	}
	s.announce(state)
}

func (s *Session) open() {
	select {
	case <-s.opened: // it comes back from jeopardy
	default:
		close(s.opened)
	}
}

// finish ends all that is held, for ever.
func (s *Session) finish(why error) {
	if s.err == nil {
		s.err = why
	}
	for _, a := range s.attempts {
		a.endGrant(why)
	}
	close(s.done)
}

// announce puts a state into the one place of Changes, instead of one that nobody has read.
func (s *Session) announce(state State) {
	select {
	case <-s.changes:
	default:
	}
	s.changes <- state
	if state == StateLost || state == StateClosed {
		close(s.changes)
	}
}

// abandon stops without a word to the servers.
func (s *Session) abandon() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.over {
		return
	}
	if s.Err() == nil {
		s.standing.Store(&standing{state: StateClosed, id: s.ID()})
		s.finish(ErrClosed)
		s.announce(StateClosed)
	}
	s.end()
}

// answer passes an event on to whoever made the request, if the request still has a use for it.
func (s *Session) answer(event session.Event) {
	handle, last := addressee(event)
	a, found := s.attempts[handle]
	if !found {
		return
	}
	if granted, is := event.(session.Granted); is {
		a.begin(granted.Result)
	}
	if last {
		delete(s.attempts, handle)
		a.endGrant(ErrLost)
	}
	a.events <- event
}

// addressee is whose event it is, and whether it is the last one of that handle.
func addressee(event session.Event) (handle session.Handle, last bool) {
	switch e := event.(type) {
	case session.Granted:
		return e.Handle, false
	case session.Refused:
		return e.Handle, true
	case session.Released:
		return e.Handle, true
	case session.Canceled:
		return e.Handle, true
	case session.Rejected:
		return e.Handle, true
	case session.Lost:
		return e.Handle, true
	case session.Unknown:
		return e.Handle, true
	}
	panic(fmt.Sprintf("client: %T is addressed to nobody", event))
}
