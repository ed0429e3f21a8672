package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
)

// verdict is the oracle that fires in what is done, and empty when none does.
func verdict(do func()) (fired Oracle) {
	defer func() {
		if v, is := recover().(violation); is {
			fired = v.oracle
		}
	}()
	do()
	return ""
}

// desk is a book with three sessions, the first of which holds lock a, for which the two others wait.
func desk(t *testing.T) *book {
	w := newWorld(small(1))
	b := w.judge.book
	for i, command := range []lockfsm.Command{
		lockfsm.Open{Nonce: 1, TTL: 5 * second}, lockfsm.Open{Nonce: 2, TTL: 5 * second}, lockfsm.Open{Nonce: 3, TTL: 5 * second},
		acquire(2, 1), acquire(3, 1), acquire(4, 1),
	} {
		require.Empty(t, verdict(func() { b.enter(entry(i+2, 0, command), 0) }))
	}
	return b
}

func acquire(session lockfsm.SessionID, sequence lockfsm.Sequence) lockfsm.Acquire {
	return lockfsm.Acquire{Request: lockfsm.Request{Session: session, Sequence: sequence}, Name: "a", Wait: lockfsm.Forever}
}

func entry(index int, at time.Duration, command lockfsm.Command) *raft.Entry {
	return &raft.Entry{Index: raft.Index(index), Term: 2, Kind: raft.KindCommand, Time: at, Data: lockfsm.Encode(nil, command)}
}

func settled(place lockfsm.Place, session lockfsm.SessionID, token lockfsm.Token) lockfsm.Settled {
	return lockfsm.Settled{Place: place, Result: lockfsm.Result{Status: lockfsm.OK, Session: session, Token: token}}
}

// A book that agrees with the machine says nothing; each way in which the machine may differ has its name.
func TestAuditNamesWhatIsWrong(t *testing.T) {
	ok := answer{status: lockfsm.OK}
	release := lockfsm.Release{Name: "a", Token: 1}
	audit := func(doctor func(b *book)) Oracle {
		b := desk(t)
		before := append([]*hold(nil), b.holds...)
		b.settled, b.ended = b.settled[:0], b.ended[:0]
		b.applied = lockfsm.Applied{Result: lockfsm.Result{Status: lockfsm.OK, Last: 1}}
		doctor(b)
		return verdict(func() { b.compare(before, ok, release) })
	}
	require.Empty(t, audit(func(*book) {}))
	require.Equal(t, Exclusion, audit(func(b *book) {
		b.applied.Settled = append(b.applied.Settled, settled(6, 3, 2))
	}), "the next is granted before the holder has let go")
	require.Equal(t, FirstCome, audit(func(b *book) {
		b.handOver(b.holds[0])
		b.applied.Settled = append(b.applied.Settled, settled(7, 4, 2))
	}), "the third is granted before the second")
	require.Equal(t, DeadSession, audit(func(b *book) {
		b.end(3)
		b.applied.Settled = append(b.applied.Settled, settled(6, 3, 2))
	}), "one that has ended is granted")
	require.Equal(t, ExactlyOnce, audit(func(b *book) {
		b.handOver(b.holds[0])
		b.end(4)
		b.applied.Settled = append(b.applied.Settled, b.settled[1], b.settled[0])
		b.applied.Result.Last, b.applied.Ended = b.last, b.ended
	}), "the right waiters, in another order")
	require.Equal(t, Tokens, audit(func(b *book) { b.applied.Result.Last = 7 }))
	require.Equal(t, ExactlyOnce, audit(func(b *book) { b.applied.Result.Status = lockfsm.StaleToken }))
	require.Equal(t, ExactlyOnce, audit(func(b *book) { b.applied.Ended = append(b.applied.Ended, 3) }))
}

// An expiry is legal when the TTL has passed for the fastest clock that is allowed, and not a moment before.
func TestExpiryIsJudgedInTrueTime(t *testing.T) {
	expires := func(at time.Duration) Oracle {
		b := desk(t)
		b.world.knobs.drift, b.world.now = 250_000, at
		return verdict(func() {
			b.enter(entry(8, 5*second, lockfsm.Expire{Sessions: []lockfsm.Expiry{{Session: 2, Deadline: 5 * second}}}), at)
		})
	}
	require.Empty(t, expires(4*second))
	require.Equal(t, EarlyExpiry, expires(4*second-millisecond))
}

// What was durable must be found again, unless a later record that was on its way has rightly replaced it.
func TestShadowMissesWhatIsLost(t *testing.T) {
	entries := func(terms ...raft.Term) (list []raft.Entry) {
		for i, term := range terms {
			list = append(list, raft.Entry{Index: raft.Index(i + 2), Term: term})
		}
		return list
	}
	stored := func(term raft.Term, vote raft.ID, terms ...raft.Term) *raft.Stored {
		return &raft.Stored{Term: term, Vote: vote, Snapshot: raft.Snapshot{Index: 1, Term: 1}, Entries: entries(terms...)}
	}
	s := shadow{term: 1, base: 1}
	s.write(&raft.Record{Term: 3, Vote: 2, Entries: entries(2, 2, 3)})
	require.Empty(t, s.missing(stored(3, 2, 2, 2, 3), nil))
	require.Empty(t, s.missing(stored(4, 0, 2, 2, 3, 4), nil), "more than was asked for")
	require.Contains(t, s.missing(stored(2, 0, 2, 2, 3), nil), "term 3")
	require.Contains(t, s.missing(stored(3, 1, 2, 2, 3), nil), "the vote for 2")
	require.Contains(t, s.missing(stored(3, 2, 2, 2), nil), "entry 4")
	require.Contains(t, s.missing(stored(3, 2, 2, 2, 2), nil), "entry 4 of term 3")
	cut := []raft.Record{{Term: 4, Entries: []raft.Entry{{Index: 4, Term: 4}}}}
	require.Empty(t, s.missing(stored(4, 0, 2, 2, 4), cut), "a record that was on its way has got through")
	require.Contains(t, s.missing(stored(4, 0, 2), cut), "entry 3")
}

// A write that rests on a value which is not the present one loses an update.
func TestResourceIsJudged(t *testing.T) {
	j := newWorld(small(1)).judge
	require.Empty(t, verdict(func() { j.written(&register{mark: 4, value: 7}, demand{token: 4, base: 7}) }))
	require.Equal(t, Fencing, verdict(func() { j.written(&register{mark: 5, value: 7}, demand{token: 4, base: 7}) }))
	require.Equal(t, Fencing, verdict(func() { j.written(&register{mark: 4, value: 8}, demand{token: 4, base: 7}) }))
}

// A term has one leader, and whoever leads next has what was committed.
func TestElectionsAreJudged(t *testing.T) {
	w := newWorld(small(1))
	w.begin()
	w.runUntil(30*second, func() bool { return w.leader() != nil && len(w.judge.chosen) > 5 })
	leader := w.leader()
	term := leader.server.Node().Term()
	require.Empty(t, verdict(func() { w.judge.elected(leader, term) }))
	w.judge.chosen[len(w.judge.chosen)-1].term = 99
	require.Equal(t, Completeness, verdict(func() { w.judge.elected(leader, term+1) }))
	for _, other := range w.members {
		if other != leader {
			require.Equal(t, Election, verdict(func() { w.judge.elected(other, term) }))
		}
	}
}
