package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
)

const (
	second = time.Second
	ms     = time.Millisecond
)

// steady is a source without surprise: the first guess is endpoint 0, and each pause is half of what is due.
type steady struct{}

func (steady) Uint64() uint64 { return 0 }

// story drives one session by hand, in virtual time, and plays all its servers.
type story struct {
	*testing.T
	session *Session
	now     time.Duration
	output  Output
	sends   []Send
	events  []Event
}

// With a drift of a quarter, a TTL of 10 s is believed for 10 s · (1−1/4)/(1+1/4) = 6 s: a renewal is due
// after 2 s, jeopardy begins after 4 s. A request is repeated after 500 ms, and then each 750 ms, an eighth of the lease.
const (
	storyTTL   = 10 * second
	storyLease = 6 * second
)

func begin(t *testing.T, endpoints int) *story {
	s := &story{T: t}
	s.session = New(Config{
		Endpoints: endpoints, TTL: storyTTL, Nonce: 7, Drift: Million / 4,
		Resend: 500 * ms, Pause: 20 * ms, LongestPause: 500 * ms, Random: steady{},
	}, 0)
	s.drain()
	return s
}

// opened begins a story in which the session was opened at once, so that its lease counts from zero.
func opened(t *testing.T, endpoints int) *story {
	s := begin(t, endpoints)
	s.answer(s.only(), lockfsm.Result{Status: lockfsm.OK, Session: 1, TTL: storyTTL})
	require.Equal(t, storyLease, s.session.Until())
	require.Equal(t, []Event{Changed{Safe}}, s.told())
	return s
}

// holding is opened, and handle 1 was granted under token 5.
func holding(t *testing.T, endpoints int) *story {
	s := opened(t, endpoints)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	s.answer(s.only(), grant(5))
	require.Equal(t, []Event{Granted{1, grant(5)}}, s.told())
	require.True(t, s.held())
	return s
}

func grant(token lockfsm.Token) lockfsm.Result {
	return lockfsm.Result{Status: lockfsm.OK, Session: 1, Token: token, Current: token, Last: token}
}

func result(status lockfsm.Status) lockfsm.Result {
	return lockfsm.Result{Status: status, Session: 1}
}

func (s *story) drain() {
	s.session.Drain(&s.output)
	s.sends = append(s.sends, s.output.Sends...)
	s.events = append(s.events, s.output.Events...)
}

func (s *story) step(input Input) {
	s.session.Step(s.now, input)
	s.drain()
}

// pass lets time go by up to the instant, with a Timeout at each deadline.
func (s *story) pass(until time.Duration) {
	for deadline := s.session.Deadline(); deadline <= until; deadline = s.session.Deadline() {
		require.Greater(s, deadline, s.now, "a deadline that was served is over")
		s.now = deadline
		s.step(Timeout{})
	}
	s.now = until
}

// stop lets time go by while the process is stopped: nothing is stepped.
func (s *story) stop(until time.Duration) { s.now = until }

func (s *story) answer(to Send, with lockfsm.Result) {
	s.step(Answer{Correlation: to.Correlation, Result: with})
}

func (s *story) refuse(to Send, reason Reason, leader Endpoint) {
	s.step(Refusal{Correlation: to.Correlation, Reason: reason, Leader: leader, Detail: "because"})
}

// sent is what was sent since the last look.
func (s *story) sent() []Send {
	sends := s.sends
	s.sends = nil
	return sends
}

// only is the one thing that was sent since the last look.
func (s *story) only() Send {
	sends := s.sent()
	require.Len(s, sends, 1)
	return sends[0]
}

func (s *story) silent() { require.Empty(s, s.sent()) }

func (s *story) told() []Event {
	events := s.events
	s.events = nil
	return events
}

func (s *story) held() bool { return s.session.Held(s.now, 1) }

func (s *story) acquires(send Send, sequence, acknowledged lockfsm.Sequence) {
	require.Equal(s, lockfsm.Acquire{
		Request: lockfsm.Request{Session: 1, Sequence: sequence, Acknowledged: acknowledged},
		Name:    "a", Wait: lockfsm.Forever,
	}, send.Command)
}

func (s *story) renews(send Send) {
	require.Equal(s, lockfsm.Renew{Sessions: []lockfsm.SessionID{1}}, send.Command)
}
