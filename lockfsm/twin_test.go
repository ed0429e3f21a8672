package lockfsm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// twins are the machine and its dumb model on one log, with a replica that was restored
// from a snapshot now and then.
type twins struct {
	machine  *Machine
	replica  *Machine
	model    *model
	index    uint64
	at       time.Duration
	applied  Applied
	frozen   *Snapshot
	encoding []byte // of frozen, at the time
	seen     []SessionID
	reach    map[Status]int
}

func newTwins() *twins {
	return &twins{machine: New(), replica: New(), model: newModel(), reach: map[Status]int{}}
}

func (w *twins) apply(t require.TestingT, command Command) {
	var expected, other Applied
	if command == nil {
		w.machine.Advance(w.index, w.at, &w.applied)
		w.replica.Advance(w.index, w.at, &other)
	} else {
		data := w.machine.Version().Encode(nil, command)
		require.NoError(t, w.machine.Apply(w.index, w.at, data, &w.applied))
		require.NoError(t, w.replica.Apply(w.index, w.at, data, &other))
	}
	expected = w.model.apply(w.index, w.at, command)
	require.Equal(t, expected, emptied(w.applied), "%d: %#v", w.index, command)
	require.Equal(t, expected, emptied(other), "%d: %#v", w.index, command)
	w.reach[w.applied.Result.Status]++
	for _, settled := range w.applied.Settled {
		w.reach[settled.Result.Status]++
	}
	if _, opened := command.(Open); opened {
		w.seen = append(w.seen, w.applied.Result.Session)
	}
}

// emptied turns slices that are empty but have room into nil, for comparing.
func emptied(a Applied) Applied {
	return Applied{
		Result:   a.Result,
		Renewals: append([]Renewal(nil), a.Renewals...),
		Settled:  append([]Settled(nil), a.Settled...),
		Ended:    append([]SessionID(nil), a.Ended...),
	}
}

func (w *twins) compareViews(t *rapid.T) {
	limit := rapid.IntRange(0, 4).Draw(t, "limit")
	for _, name := range names {
		require.Equal(t, w.model.lockView(name), w.machine.Lock(name))
		require.Equal(t, w.model.lockView(name).Token, w.machine.Current(name))
		after := Place(rapid.Uint64Range(0, w.index).Draw(t, "after place"))
		require.Equal(t, w.model.waiterViews(name, after, limit), w.machine.Waiters(name, after, limit))
	}
	prefix, after := rapid.SampledFrom([]string{"", "a", "a/", "b", "zz"}).Draw(t, "prefix"), rapid.SampledFrom(append(names, "")).Draw(t, "after")
	views, more := w.machine.Locks(prefix, after, limit)
	expected, others := w.model.lockViews(prefix, after, limit)
	require.Equal(t, expected, views)
	require.Equal(t, others, more)
	w.compareSessions(t, limit)
	require.Equal(t, w.model.count(), w.machine.Counts())
	require.Equal(t, w.model.last, w.machine.Last())
	require.Equal(t, w.index, w.machine.Revision())
	require.Equal(t, w.at, w.machine.Time())
}

func (w *twins) compareSessions(t *rapid.T, limit int) {
	from := SessionID(rapid.Uint64Range(0, w.index).Draw(t, "after session"))
	views, more := w.machine.Sessions(from, limit)
	expected, others := w.model.sessionViews(from, limit)
	require.Equal(t, expected, views)
	require.Equal(t, others, more)
	for _, view := range expected {
		alone, found := w.machine.Session(view.Session)
		require.True(t, found)
		require.Equal(t, view, alone)
	}
	horizon := w.at + 4*time.Second
	due := w.model.due(horizon)
	require.Equal(t, append([]Expiry(nil), due[:min(limit, len(due))]...), append([]Expiry(nil), w.machine.Due(nil, horizon, limit)...))
	require.Len(t, w.machine.Due(nil, horizon, 1000), len(due))
	next, found := w.machine.NextExpiry()
	if all := w.model.due(1 << 60); len(all) > 0 {
		require.Equal(t, all[0].Deadline, next)
	} else {
		require.False(t, found)
	}
	w.compareNextWait(t)
}

func (w *twins) compareNextWait(t *rapid.T) {
	earliest, any := time.Duration(1<<60), false
	for _, waiting := range w.model.waiters {
		if waiting.command.Wait != Forever {
			earliest, any = min(earliest, waiting.until(Forever)), true
		}
	}
	next, found := w.machine.NextWait()
	require.Equal(t, any, found)
	if any {
		require.Equal(t, earliest, next)
	}
}

var names = []string{"a", "a/b", "a/c", "b"}

func drawRequest(t *rapid.T, session SessionID) Request {
	return Request{
		Session:      session,
		Sequence:     Sequence(rapid.Uint64Range(0, 12).Draw(t, "sequence")),
		Acknowledged: Sequence(max(0, rapid.IntRange(-20, 8).Draw(t, "acknowledged"))),
	}
}

func (w *twins) draw(t *rapid.T) Command {
	name := rapid.SampledFrom(names).Draw(t, "name")
	session := rapid.SampledFrom(append([]SessionID{0, 1}, w.seen[max(0, len(w.seen)-6):]...)).Draw(t, "session")
	switch rapid.IntRange(0, 15).Draw(t, "command") {
	case 0:
		return nil
	case 1:
		return rapid.SampledFrom([]Command{Clock{}, Clock{}, Upgrade{To: Oldest}, Upgrade{To: Newest}}).Draw(t, "nothing to anybody")
	case 2, 3:
		ttl := time.Duration(rapid.IntRange(1, 4).Draw(t, "TTL")) * time.Second
		return Open{Nonce: rapid.Uint64Range(0, 6).Draw(t, "nonce"), TTL: ttl, Owner: rapid.SampledFrom([]string{"", "x"}).Draw(t, "owner")}
	case 4:
		return Renew{Sessions: rapid.SliceOfN(rapid.SampledFrom(append([]SessionID{7}, w.seen...)), 1, 4).Draw(t, "renew")}
	case 5:
		if rapid.IntRange(0, 3).Draw(t, "close") == 0 {
			return Close{Session: session}
		}
		return w.drawExpire(t)
	case 6, 7, 8, 9, 10:
		wait := rapid.SampledFrom([]time.Duration{NoWait, Forever, Forever, 1, time.Second, 3 * time.Second}).Draw(t, "wait")
		return Acquire{Request: drawRequest(t, session), Name: name, Value: rapid.SampledFrom([][]byte{nil, []byte("v")}).Draw(t, "value"), Wait: wait}
	case 11, 12:
		token := Token(rapid.Uint64Range(0, uint64(w.machine.Last())+2).Draw(t, "token"))
		if rapid.Bool().Draw(t, "right") {
			token = w.machine.Current(name)
		}
		return Release{Request: drawRequest(t, session), Name: name, Token: token}
	case 13, 14:
		return Cancel{Request: drawRequest(t, session), Target: Sequence(rapid.Uint64Range(0, 12).Draw(t, "target"))}
	}
	return w.drawWithdraw(t, name)
}

func (w *twins) drawExpire(t *rapid.T) Command {
	due := w.machine.Due(nil, w.at+time.Second, 3)
	if len(due) == 0 {
		return Expire{}
	}
	switch rapid.IntRange(0, 3).Draw(t, "expire") {
	case 0:
		due = append(due, due[0])
	case 1:
		due[0].Deadline -= time.Second
	}
	return Expire{Sessions: due}
}

func (w *twins) drawWithdraw(t *rapid.T, name string) Command {
	place := Place(rapid.Uint64Range(1, w.index).Draw(t, "place"))
	for _, view := range w.machine.Waiters(name, 0, rapid.IntRange(0, 2).Draw(t, "waiter")) {
		place = view.Place
	}
	return Withdraw{Name: name, Place: place}
}

// restore replaces one of the two replicas by what its snapshot says.
func (w *twins) restore(t *rapid.T) {
	data := w.machine.Snapshot().Encode()
	require.Equal(t, data, w.replica.Snapshot().Encode(), "equal states have equal bytes")
	restored, err := Restore(data)
	require.NoError(t, err)
	require.Equal(t, data, restored.Snapshot().Encode())
	w.replica = restored
	if rapid.Bool().Draw(t, "swap") {
		w.machine, w.replica = w.replica, w.machine
	}
}

// freeze looks whether the last snapshot is still what it was, and takes another.
func (w *twins) freeze(t *rapid.T) {
	if w.frozen != nil {
		require.Equal(t, w.encoding, w.frozen.Encode(), "a snapshot never changes")
	}
	w.frozen = w.machine.Snapshot()
	w.encoding = w.frozen.Encode()
}

// recover is the end of the cluster: its successor knows nobody, and counts on above everything.
func (w *twins) recover(t *rapid.T) {
	draw := rapid.Uint64().Draw(t, "draw")
	epoch, err := NextEpoch(w.machine.Last(), draw)
	require.NoError(t, err)
	w.model.recover(draw)
	w.machine, w.replica = NewIn(epoch), NewIn(epoch)
	w.index, w.at = uint64(epoch), 0
	w.compareViews(t)
}

func (w *twins) step(t *rapid.T) {
	w.index += rapid.Uint64Range(1, 2).Draw(t, "index")
	w.at += rapid.SampledFrom([]time.Duration{0, 0, 0, 0, 1, 100 * time.Millisecond, time.Second, 2 * time.Second}).Draw(t, "time")
	w.apply(t, w.draw(t))
	require.NoError(t, w.machine.Check())
	require.Equal(t, w.machine.Digest(), w.replica.Digest())
	switch rapid.IntRange(0, 9).Draw(t, "then") {
	case 0:
		w.restore(t)
	case 1:
		w.freeze(t)
	case 2, 3:
		w.compareViews(t)
	case 4:
		if rapid.IntRange(0, 19).Draw(t, "recovery") == 0 {
			w.recover(t)
		}
	}
}

// The machine agrees with its dumb twin on every answer, every settlement and every view,
// whatever the log; and so does a replica that was restored on the way, and their successor after a recovery.
func TestTwins(t *testing.T) {
	reach := map[Status]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newTwins()
		w.reach = reach
		for range rapid.IntRange(1, 500).Draw(t, "entries") {
			w.step(t)
		}
		w.compareViews(t)
	})
	for _, status := range []Status{OK, Waiting, Busy, TimedOut, Canceled, UnknownSession, StaleToken, FutureToken, ZeroToken, WrongName, SequenceReused, SequenceForgotten} {
		require.NotZero(t, reach[status], "no log ever came to status %d", status)
	}
}
