package lockfsm

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNamesAndOwners(t *testing.T) {
	for _, name := range []string{"a", strings.Repeat("n", MaxName), "päth/with spaces", "日本"} {
		require.Equal(t, OK, Validate(Acquire{Name: name}), "%q", name)
	}
	for _, name := range []string{"", strings.Repeat("n", MaxName+1), "\xff", "nul\x00", "line\n", "esc\x1b[2J", "del\x7f", "c1\u0085"} {
		require.Equal(t, InvalidName, Validate(Acquire{Name: name}), "%q", name)
		require.Equal(t, InvalidName, Validate(Release{Name: name, Token: 1}), "%q", name)
		require.Equal(t, InvalidName, Validate(Withdraw{Name: name}), "%q", name)
	}
	for _, owner := range []string{"", "host:1234", strings.Repeat("o", MaxOwner)} {
		require.Equal(t, OK, Validate(Open{TTL: MinTTL, Owner: owner}), "%q", owner)
	}
	for _, owner := range []string{strings.Repeat("o", MaxOwner+1), "\xff", "line\n"} {
		require.Equal(t, InvalidOwner, Validate(Open{TTL: MinTTL, Owner: owner}), "%q", owner)
	}
}

func TestValuesAndTimes(t *testing.T) {
	require.Equal(t, OK, Validate(Acquire{Name: "a", Value: make([]byte, MaxValue)}))
	require.Equal(t, InvalidValue, Validate(Acquire{Name: "a", Value: make([]byte, MaxValue+1)}))
	for _, wait := range []time.Duration{NoWait, Forever, 1, MaxWait} {
		require.Equal(t, OK, Validate(Acquire{Name: "a", Wait: wait}))
	}
	for _, wait := range []time.Duration{-2, MaxWait + 1, -1 << 63, 1<<63 - 1} {
		require.Equal(t, InvalidWait, Validate(Acquire{Name: "a", Wait: wait}))
	}
	for _, ttl := range []time.Duration{MinTTL, MaxTTL} {
		require.Equal(t, OK, Validate(Open{TTL: ttl}))
	}
	for _, ttl := range []time.Duration{0, -1, MinTTL - 1, MaxTTL + 1, 1<<63 - 1} {
		require.Equal(t, InvalidTTL, Validate(Open{TTL: ttl}))
	}
}

// What Validate refuses, Apply refuses, and changes nothing: neither is it remembered,
// nor does the session's mark move.
func TestInvalidCommandsChangeNothing(t *testing.T) {
	s := tell(t)
	a := s.open()
	s.acquire(a, 1, Forever)
	counts := s.machine.Counts()
	r := Request{Session: a, Sequence: 2, Acknowledged: 1}
	for status, command := range map[Status]Command{
		InvalidName:  Acquire{Request: r},
		InvalidValue: Acquire{Request: r, Name: "lock", Value: make([]byte, MaxValue+1)},
		InvalidWait:  Acquire{Request: r, Name: "lock", Wait: -2},
		InvalidTTL:   Open{},
		InvalidOwner: Open{TTL: MinTTL, Owner: "\x00"},
		ZeroToken:    Release{Request: r, Name: "lock"},
		WrongName:    Cancel{Request: r},
	} {
		require.Equal(t, status, s.do(command).Status)
		require.Equal(t, counts, s.machine.Counts())
	}
	require.Equal(t, OK, s.acquire(a, 1, Forever).Status, "the first answer is still there")
}

// The large bounds are tested with a tree that claims to be nearly full.

func TestTooManySessions(t *testing.T) {
	m, applied := New(), Applied{}
	m.sessions.count = MaxSessions - 1
	open := Oldest.Encode(nil, Open{TTL: MinTTL})
	require.NoError(t, m.Apply(1, 0, open, &applied))
	require.Equal(t, OK, applied.Result.Status)
	require.NoError(t, m.Apply(2, 0, open, &applied))
	require.Equal(t, TooManySessions, applied.Result.Status)
}

func TestTooManyLocks(t *testing.T) {
	m, applied := New(), Applied{}
	require.NoError(t, m.Apply(1, 0, Oldest.Encode(nil, Open{TTL: MinTTL}), &applied))
	m.locks.count = MaxLocks - 1
	acquire := Acquire{Request: Request{Session: 1}, Name: "a"}
	require.NoError(t, m.Apply(2, 0, Oldest.Encode(nil, acquire), &applied))
	require.Equal(t, OK, applied.Result.Status)
	acquire.Name = "b"
	require.NoError(t, m.Apply(3, 0, Oldest.Encode(nil, acquire), &applied))
	require.Equal(t, TooManyLocks, applied.Result.Status)
	acquire.Name, acquire.Wait = "a", Forever
	require.NoError(t, m.Apply(4, 0, Oldest.Encode(nil, acquire), &applied))
	require.Equal(t, Waiting, applied.Result.Status, "a held lock may be waited for")
}

func TestTooManyWaiters(t *testing.T) {
	m, applied := New(), Applied{}
	require.NoError(t, m.Apply(1, 0, Oldest.Encode(nil, Open{TTL: MinTTL}), &applied))
	acquire := Oldest.Encode(nil, Acquire{Request: Request{Session: 1}, Name: "a", Wait: Forever})
	for index := range uint64(1 + MaxWaiters) {
		require.NoError(t, m.Apply(2+index, 0, acquire, &applied))
	}
	require.Equal(t, Waiting, applied.Result.Status)
	require.NoError(t, m.Apply(2+MaxWaiters+1, 0, acquire, &applied))
	require.Equal(t, TooManyWaiters, applied.Result.Status)
	require.Equal(t, MaxWaiters, m.Lock("a").Waiters)
	require.NoError(t, m.Check())
}

func TestTooManyRequests(t *testing.T) {
	s := tell(t)
	a := s.open()
	for sequence := range Sequence(MaxRequests - 1) {
		s.acquire(a, sequence+1, NoWait)
	}
	require.Equal(t, TooManyRequests, s.cancel(a, 5000, 5001), "it would have to remember itself and its target")
	require.Equal(t, OK, s.cancel(a, 5000, 1), "the target is remembered already")
	require.Equal(t, TooManyRequests, s.acquire(a, 5002, NoWait).Status)
	require.Equal(t, TooManyRequests, s.cancel(a, 5003, 1))
	require.Equal(t, TooManyRequests, s.cancel(a, 0, 5001))
	require.Equal(t, OK, s.acquire(a, 0, NoWait).Status, "what is not remembered takes no room")
	require.Equal(t, OK, s.acquire(a, 1, NoWait).Status, "a repeated request takes no more")
	way := Acquire{Request: Request{Session: a, Sequence: 5002, Acknowledged: 1}, Name: "other"}
	require.Equal(t, OK, s.do(way).Status, "acknowledging makes room")
	require.Equal(t, MaxRequests, s.machine.Counts().Requests)
}
