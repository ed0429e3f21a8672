package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
)

// What a disk holds adds up to the machine that the node had, entries without a command included: they carry time, and waits run out by it.
func TestReplayIsWhatTheNodeApplied(t *testing.T) {
	command := func(index raft.Index, at time.Duration, c lockfsm.Command) raft.Entry {
		return raft.Entry{Index: index, Term: 1, Kind: raft.KindCommand, Time: at, Data: lockfsm.Oldest.Encode(nil, c)}
	}
	entries := []raft.Entry{
		{Index: 2, Term: 1, Kind: raft.KindEmpty},
		command(3, 0, lockfsm.Open{TTL: time.Minute}),
		command(4, 0, lockfsm.Acquire{Request: lockfsm.Request{Session: 3}, Name: "a", Wait: lockfsm.Forever}),
		command(5, 0, lockfsm.Acquire{Request: lockfsm.Request{Session: 3}, Name: "a", Wait: time.Second}),
		{Index: 6, Term: 2, Kind: raft.KindEmpty, Time: 2 * time.Second},
	}
	first := raft.Snapshot{Index: 1, Term: 1}
	whole, err := Replay(first, entries)
	require.NoError(t, err)
	require.Equal(t, uint64(6), whole.Revision())
	require.Equal(t, lockfsm.Counts{Sessions: 1, Locks: 1, Grants: 1, TimedOut: 1}, whole.Counts())

	half, err := Replay(first, entries[:3])
	require.NoError(t, err)
	snapshot := raft.Snapshot{Index: 4, Term: 1, Data: half.Snapshot().Encode()}
	rest, err := Replay(snapshot, entries[3:])
	require.NoError(t, err)
	require.Equal(t, whole.Snapshot().Encode(), rest.Snapshot().Encode())

	_, err = Replay(first, []raft.Entry{{Index: 2, Term: 1, Kind: raft.KindCommand, Data: []byte{99}}})
	require.ErrorIs(t, err, lockfsm.ErrVersion, "a newer version wrote it")
	_, err = Replay(raft.Snapshot{Index: 4, Data: []byte{99}}, nil)
	require.ErrorIs(t, err, lockfsm.ErrVersion)
}
