package daemon

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/internal/boottime"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/transport"
	"lockd/wire"
)

// idle is a loop whose goroutine does not run, around a server that has never heard of anybody.
func idle(t *testing.T) *loop {
	config := Config{Member: 1, Members: map[raft.ID]string{1: "a:1", 2: "b:1"}}.withDefaults()
	d := &Daemon{config: config}
	membership := raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 1}, {ID: 2, Incarnation: 2}}}
	node, err := d.newServer(raft.Stored{Term: 1, Snapshot: raft.Snapshot{Index: 1, Term: 1, Membership: membership}})
	require.NoError(t, err)
	return &loop{
		server: node, inbox: newInbox(), heartbeat: config.Heartbeat, began: boottime.Now(),
		callers: map[server.CallID]transport.Caller{}, serving: func(bool) {}, logger: slog.New(slog.DiscardHandler),
	}
}

// passes lets time go by on the loop's clock.
func (l *loop) passes(d time.Duration) { l.began -= d }

func TestATimeoutThatWasSleptThroughLeavesTheSocketsTimeToBeRead(t *testing.T) {
	l := idle(t)
	require.False(t, l.due(l.clock()))
	l.passes(time.Hour) // the process was stopped
	require.False(t, l.due(l.clock()))
	l.passes(l.heartbeat / 2)
	require.False(t, l.due(l.clock()))
	l.passes(l.heartbeat)
	require.True(t, l.due(l.clock()), "nobody was heard")
}

func TestATimeoutThatIsDueIsNotHeldBack(t *testing.T) {
	l := idle(t)
	l.passes(l.server.Deadline() - l.clock() + l.heartbeat/2)
	require.True(t, l.due(l.clock()))
}

// note keeps the answers of a call.
type note []server.Answer

func (n *note) Answer(answer server.Answer, _ wire.Address) { *n = append(*n, answer) }
func (n *note) Wake()                                       {}

func TestAtTheEndEverybodyIsAnsweredOnceUnlessHungUp(t *testing.T) {
	l := idle(t)
	var decided, open, gone, unread note
	for id, caller := range map[server.CallID]*note{1: &decided, 2: &open, 3: &gone} {
		l.callers[id] = caller
	}
	l.answer(1, lockfsm.Result{Status: lockfsm.OK})
	l.farewell([]event{transport.Call{ID: 4, Caller: &unread}, server.Hangup{ID: 3}})
	require.Equal(t, note{lockfsm.Result{Status: lockfsm.OK}}, decided)
	require.Equal(t, server.Unknown, open[0].(server.Refusal).Reason, "it may have been executed")
	require.Equal(t, server.Stopping, unread[0].(server.Refusal).Reason, "it was not")
	require.Empty(t, gone)
	require.Len(t, open, 1)
	require.Len(t, unread, 1)
}
