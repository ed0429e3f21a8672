package client

import (
	"fmt"
	"time"

	"lockd/client/session"
)

// run is the session's goroutine. Nothing in it waits for the network, or for anybody: the end of a lease is acted upon
// as soon as the timer fires.
func (s *Session) run() {
	defer s.client.sessions.Done()
	defer close(s.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for !s.over {
		select {
		case <-timer.C:
		case <-s.inbox.wake:
		case <-s.orphan:
			s.abandon()
			return
		case <-s.client.closing:
			s.abandon()
			return
		}
		s.step(s.inbox.take())
		timer.Reset(s.nap())
	}
}

// nap is how long the goroutine may sleep.
func (s *Session) nap() time.Duration {
	deadline := s.logic.Deadline()
	return min(deadline-min(deadline, s.client.settings.clock()), s.client.settings.nap)
}

// step hands in the time and what has happened, and carries out what comes of it.
func (s *Session) step(mail []mail) {
	clock := s.client.settings.clock
	s.logic.Step(clock(), session.Timeout{})
	for _, m := range mail {
		if acquire, is := m.input.(session.Acquire); is {
			s.attempts[acquire.Handle] = m.attempt
		}
		s.logic.Step(clock(), m.input)
	}
	s.logic.Drain(&s.output)
	s.publish()
	for _, event := range s.output.Events {
		s.tell(event)
	}
	for _, sending := range s.output.Sends {
		s.client.links[sending.Endpoint].send(s, sending)
	}
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
		s.over = true
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
	if s.Err() != nil {
		return
	}
	s.standing.Store(&standing{state: StateClosed, id: s.ID()})
	s.finish(ErrClosed)
	s.announce(StateClosed)
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
