package linearizability

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// queue is a lock for which many clients always wait: each is granted it in turn, checks its token, and gives it back, and
// hands over to the next with that. So as many calls overlap as there are clients.
func queue(clients, operations, locks int) *History {
	h := &History{Operations: make([]Operation, 0, operations)}
	event, now := uint64(0), time.Duration(0)
	begin := func(o Operation) int {
		event++
		now += time.Microsecond
		o.Call, o.Called, o.Return = event, now, Never
		h.Operations = append(h.Operations, o)
		return len(h.Operations) - 1
	}
	finish := func(i int) *Operation {
		event++
		now += time.Microsecond
		o := &h.Operations[i]
		o.Outcome, o.Return, o.Returned = Done, event, now
		return o
	}
	waiting := make([]int, clients)
	for c := range clients {
		o := finish(begin(Operation{Kind: Open, Client: int32(c), TTL: time.Second}))
		o.Session = uint64(c + 1)
		waiting[c] = begin(Operation{Kind: Acquire, Client: int32(c), Session: uint64(c + 1), Lock: lockName(c % locks)})
	}
	for token := uint64(1); len(h.Operations) < operations; token++ {
		c := int(token) % clients
		granted := finish(waiting[c])
		granted.Token, granted.Current, granted.Tells = token, token, true
		lock, session := granted.Lock, granted.Session
		finish(begin(Operation{Kind: Check, Client: int32(c), Lock: lock, Token: token, Current: token, Tells: true}))
		finish(begin(Operation{Kind: Release, Client: int32(c), Session: session, Lock: lock, Token: token}))
		if token%7 == 0 {
			o := &h.Operations[begin(Operation{Kind: Acquire, Client: int32(c), Session: session, Lock: lock})]
			event++
			o.Outcome, o.Return, o.Returned, o.Tells = Refused, event, now, true
		}
		waiting[c] = begin(Operation{Kind: Acquire, Client: int32(c), Session: session, Lock: lock})
	}
	return h
}

// A lock that a thousand clients wait for is judged by the sweep as fast as any other.
func TestHotLock(t *testing.T) {
	h := queue(1000, 20_000, 1)
	verdict := Judge(h, plenty)
	require.Equal(t, Pass, verdict.Result, "%+v", verdict.Violation)
	require.Equal(t, 1, verdict.Skipped)
	require.Greater(t, h.Grants(), 5000)
}

// A million operations of a thousand clients are judged in a few seconds, and a single wrong one among them is found.
func TestMillionOperations(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a few seconds")
	}
	const limit = 10 * time.Second
	h := queue(1000, 1_000_000, 12)
	begun := time.Now()
	require.Equal(t, Pass, Sweep(h).Result)
	taken := time.Since(begun)
	t.Logf("the sweep judged %d operations in %v", len(h.Operations), taken)
	require.Less(t, taken, limit)

	middle := slices.IndexFunc(h.Operations[len(h.Operations)/2:], func(o Operation) bool { return o.Kind == Check })
	wrong := &h.Operations[len(h.Operations)/2+middle]
	wrong.Outcome, wrong.Current = Refused, 0
	require.Equal(t, Fail, Sweep(h).Result)
}

// BenchmarkHotLock is the sweep over one lock that a thousand clients wait for.
func BenchmarkHotLock(b *testing.B) { benchmarkSweep(b, queue(1000, 20_000, 1)) }

// BenchmarkMillion is the sweep over a million operations of a thousand clients.
func BenchmarkMillion(b *testing.B) { benchmarkSweep(b, queue(1000, 1_000_000, 12)) }

func benchmarkSweep(b *testing.B, h *History) {
	b.ReportAllocs()
	for b.Loop() {
		require.Equal(b, Pass, Sweep(h).Result)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(h.Operations)), "ns/operation")
}

// BenchmarkSeed is what one simulated world writes down.
func BenchmarkSeed(b *testing.B) {
	h := randomHistory(seeded(1), 8, 12, 3000)
	b.ReportAllocs()
	for b.Loop() {
		require.Equal(b, Pass, Judge(&h, plenty).Result)
	}
}
