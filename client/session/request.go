package session

import (
	"slices"
	"time"

	"lockd/lockfsm"
)

// request is a command that has no final answer yet.
type request struct {
	number   uint64           // names it in its correlations
	sequence lockfsm.Sequence // zero for Open, Renew and Close
	command  lockfsm.Command  // without what is filled in when it is sent
	lock     *lock            // of an Acquire, Release or Cancel

	attempt  uint64        // sendings so far
	first    time.Duration // of the first sending
	endpoint Endpoint      // of the latest sending
	flying   bool          // the latest sending may still be answered
	doubt    bool          // an earlier sending may have been carried out
	due      time.Duration // when to send; while flying, when to stop hoping for an answer
	refusals int           // for lack of room, since the last answer
	// superseded says that a Cancel has taken its place. It is not sent any more, but counts as unanswered
	// until the Cancel is answered.
	superseded bool
}

// attempts in one correlation. A refusal that is late by so many attempts would be taken for the latest one's.
const attemptBits = 16

func (r *request) correlation() Correlation {
	return Correlation(r.number<<attemptBits | r.attempt%(1<<attemptBits))
}

// waits says whether silence means nothing: the answer comes with the grant.
func (r *request) waits() bool {
	acquire, is := r.command.(lockfsm.Acquire)
	return is && acquire.Wait != lockfsm.NoWait
}

func (r *request) cancels() bool {
	_, is := r.command.(lockfsm.Cancel)
	return is
}

func (r *request) renews() bool {
	_, is := r.command.(lockfsm.Renew)
	return is
}

// ground ends the latest sending: it is to be sent again, at the instant given. It is in doubt unless
// the sending is known to have done nothing.
func (r *request) ground(due time.Duration, doubt bool) {
	r.flying = false
	r.doubt = r.doubt || doubt
	r.due = due
}

func (s *Session) add(r *request) *request {
	s.numbers++
	r.number = s.numbers
	r.due = s.now
	s.requests = append(s.requests, r)
	return r
}

// addNumbered is add for a command that the servers carry out exactly once.
func (s *Session) addNumbered(r *request) *request {
	s.sequence++
	r.sequence = s.sequence
	return s.add(r)
}

func (s *Session) retire(r *request) {
	at := slices.Index(s.requests, r)
	s.requests = slices.Delete(s.requests, at, at+1)
}

// find is the request that a correlation names, nil when it has its final answer already.
func (s *Session) find(correlation Correlation) *request {
	for _, r := range s.requests {
		if r.number == uint64(correlation)>>attemptBits {
			return r
		}
	}
	return nil
}

// acknowledged is the low-water mark: all answers up to it have arrived.
func (s *Session) acknowledged() lockfsm.Sequence {
	for _, r := range s.requests {
		if r.sequence != 0 {
			return r.sequence - 1
		}
	}
	return s.sequence
}

// ready says whether the session's state allows the request to be sent at all.
func (s *Session) ready(r *request) bool {
	switch r.command.(type) {
	case lockfsm.Open, lockfsm.Renew, lockfsm.Close:
		return true
	}
	return s.alive() && !r.superseded && r.sequence <= s.acknowledged()+lockfsm.MaxRequests
}

// due is when the session has something to do about the request.
func (s *Session) due(r *request) time.Duration {
	if !s.ready(r) {
		return Never
	}
	if r.flying {
		return r.due
	}
	return max(r.due, s.route.pause)
}

// sendDue gives up on what has been silent for too long, and sends what is to be sent.
func (s *Session) sendDue() {
	for _, r := range s.requests {
		if r.flying && s.due(r) <= s.now {
			s.silent(r)
		}
	}
	for _, r := range s.requests {
		if !r.flying && s.due(r) <= s.now {
			s.send(r)
		}
	}
}

func (s *Session) send(r *request) {
	if r.attempt == 0 {
		r.first = s.now
	}
	r.attempt++
	r.flying = true
	r.endpoint = s.route.leader
	r.due = s.now + s.patience(r)
	if r.waits() {
		r.due = Never
	}
	s.output.Sends = append(s.output.Sends, Send{
		Endpoint:    r.endpoint,
		Correlation: r.correlation(),
		Command:     s.filledIn(r),
	})
}

// patience is how long the latest sending may stay unanswered.
func (s *Session) patience(r *request) time.Duration {
	doublings := min(r.attempt-1, 10)
	return max(1, min(s.resend<<doublings, s.lease.span/8))
}

// filledIn is the command with what changes from one sending to the next: the low-water mark, and, for
// what was asked before the session was open, its number.
func (s *Session) filledIn(r *request) lockfsm.Command {
	stamp := lockfsm.Request{Session: s.id, Sequence: r.sequence, Acknowledged: s.acknowledged()}
	switch c := r.command.(type) {
	case lockfsm.Acquire:
		c.Request = stamp
		return c
	case lockfsm.Release:
		c.Request = stamp
		return c
	case lockfsm.Cancel:
		c.Request = stamp
		return c
	}
	return r.command
}
