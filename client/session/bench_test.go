package session

import (
	"fmt"
	"testing"

	"lockd/lockfsm"
)

// steadied is a session whose servers answer at once, so that what is left is its own work.
type steadied struct {
	*testing.B
	session *Session
	output  Output
	token   lockfsm.Token
}

func newSteadied(b *testing.B) *steadied {
	s := &steadied{B: b, session: New(Config{
		Endpoints: 3, TTL: storyTTL, Nonce: 7, Drift: DefaultDrift,
		Resend: DefaultResend, Pause: DefaultPause, LongestPause: DefaultLongestPause, Random: steady{},
	}, 0)}
	s.exchange(lockfsm.Result{Status: lockfsm.OK, Session: 1, TTL: storyTTL})
	b.ReportAllocs()
	b.ResetTimer()
	return s
}

// exchange has the one request that the session sends answered, and what it tells then read.
func (s *steadied) exchange(result lockfsm.Result) {
	s.session.Drain(&s.output)
	if len(s.output.Sends) != 1 {
		s.Fatalf("%d requests are sent instead of one", len(s.output.Sends))
	}
	s.session.Step(s.session.now, Answer{Correlation: s.output.Sends[0].Correlation, Result: result})
	s.session.Drain(&s.output)
}

func (s *steadied) acquire(handle Handle, name string) {
	s.session.Step(s.session.now, Acquire{Handle: handle, Name: name, Wait: lockfsm.Forever})
	s.token++
	s.exchange(grant(s.token))
}

// BenchmarkPair is an acquire and its release, with their answers, in a session that holds so many other locks.
func BenchmarkPair(b *testing.B) {
	for _, held := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprint("held=", held), func(b *testing.B) {
			s := newSteadied(b)
			for i := range held {
				s.acquire(Handle(i+1), fmt.Sprint("held-", i))
			}
			b.ResetTimer()
			for n := range b.N {
				handle := Handle(held + n + 1)
				s.acquire(handle, "lock")
				s.session.Step(s.session.now, Release{Handle: handle})
				s.exchange(lockfsm.Result{Status: lockfsm.OK, Session: 1})
			}
		})
	}
}

// BenchmarkRenewal is what a session takes that only lives.
func BenchmarkRenewal(b *testing.B) {
	s := newSteadied(b)
	for range b.N {
		s.session.Step(s.session.Deadline(), Timeout{})
		s.exchange(lockfsm.Result{Status: lockfsm.OK, Session: 1, TTL: storyTTL})
	}
}
