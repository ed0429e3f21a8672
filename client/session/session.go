package session

import (
	"math"
	"time"

	"lockd/lockfsm"
)

// Never is the Deadline of a session that waits for nothing but input.
const Never time.Duration = math.MaxInt64

// Session is one client's session. It is not safe for use by several goroutines.
type Session struct {
	config Config
	now    time.Duration // of the latest step; never falls
	state  State
	id     lockfsm.SessionID // zero until an Open was answered
	lease  lease
	route  route
	resend time.Duration // how long the first sending of a request may stay unanswered

	// requests are those without a final answer. The numbered among them are in order of their sequence.
	requests []*request
	numbers  uint64           // given to requests so far
	sequence lockfsm.Sequence // given so far

	locks map[Handle]*lock // those that are not done with

	giveUp time.Duration // when the closing of the session, once begun, is no longer worth repeating
	ended  bool
	output Output
}

// New begins a session. It is opened by the sends that the first Drain brings.
func New(config Config, now time.Duration) *Session {
	config.check()
	s := &Session{
		config: config,
		now:    now,
		state:  Opening,
		resend: config.Resend,
		lease:  lease{span: config.believable(config.TTL)},
		locks:  make(map[Handle]*lock),
		giveUp: Never,
	}
	s.route.leader = Endpoint(s.draw(uint64(config.Endpoints)))
	s.add(&request{command: lockfsm.Open{Nonce: config.Nonce, TTL: config.TTL, Owner: config.Owner}})
	s.sendDue()
	return s
}

// Step tells the session the time, and what happened.
func (s *Session) Step(now time.Duration, input Input) {
	assert(now >= s.now, "the clock never goes back")
	s.now = now
	// The time comes before the input: an acknowledgement that waited in a socket while the lease
	// ran out must find the session lost.
	s.watchLease()
	switch input := input.(type) {
	case Answer:
		s.answer(input)
	case Refusal:
		s.refusal(input)
	case Disconnected:
		s.disconnected(input.Endpoint)
	case Acquire:
		s.acquire(input)
	case Release:
		s.giveBack(input.Handle)
	case Cancel:
		s.giveBack(input.Handle)
	case Close:
		s.close()
	case Timeout:
	}
	s.watchLease()
	s.renewWhenDue()
	s.sendDue()
	s.check()
}

// Drain moves what has come up since the last call into output, whose slices are used again.
func (s *Session) Drain(output *Output) {
	output.Sends = append(output.Sends[:0], s.output.Sends...)
	output.Events = append(output.Events[:0], s.output.Events...)
	clear(s.output.Sends)
	clear(s.output.Events)
	s.output.Sends, s.output.Events = s.output.Sends[:0], s.output.Events[:0]
}

// Deadline is the instant at which a Timeout is to be stepped if no other input comes first, or Never. It is
// never later than the moment at which jeopardy begins, or the lease ends.
func (s *Session) Deadline() time.Duration {
	deadline := min(s.lease.next(s.state), s.renewalDue(), s.giveUp)
	for _, r := range s.requests {
		deadline = min(deadline, s.due(r))
	}
	return deadline
}

// State is the session's state as of the latest step. Held is the method that looks at the clock.
func (s *Session) State() State { return s.state }

// ID is the session's number with the servers, zero until they opened it.
func (s *Session) ID() lockfsm.SessionID { return s.id }

// Held says whether the handle's lock is held at this instant, which may be later than the latest step: it
// is false from Until on, whatever has been processed.
func (s *Session) Held(now time.Duration, handle Handle) bool {
	l := s.locks[handle]
	return l != nil && l.stage == granted && s.alive() && now < s.lease.end
}

// Until is the instant at which Held becomes false for every handle if no renewal is acknowledged
// before. It is zero while the session is not usable yet, and when it is lost or closed.
func (s *Session) Until() time.Duration {
	if !s.alive() {
		return 0
	}
	return s.lease.end
}

// alive says whether locks can be held: the session is open and, as of the latest step, its lease is not over.
func (s *Session) alive() bool { return s.state == Safe || s.state == Jeopardy }

func (s *Session) tell(event Event) {
	s.output.Events = append(s.output.Events, event)
}

func (s *Session) enter(state State) {
	assert(s.state != Gone && s.state != Closed, "lost and closed are final")
	s.state = state
	s.tell(Changed{State: state})
}

// draw is a number below n.
func (s *Session) draw(n uint64) uint64 { return s.config.Random.Uint64() % n }

// check asserts what holds between two steps.
func (s *Session) check() {
	assert(!s.alive() || s.now < s.lease.end, "a session whose lease is over is lost")
	assert(!s.alive() || s.id != 0, "a usable session has a number")
	assert(s.state != Gone || len(s.locks) == 0, "a lost session holds nothing")
	assert(s.state != Safe || s.now < s.lease.jeopardy(), "jeopardy is noticed")
}
