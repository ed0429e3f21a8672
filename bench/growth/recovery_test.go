package growth

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/wal"
)

// A log that was filled is read as one that a node has written: whole, in order, and with nothing in it that the machine refuses.
func TestAFilledLogIsAsANodeLeavesIt(t *testing.T) {
	directory := t.TempDir()
	options := wal.Options{Member: 1, Incarnation: 7}
	log, _, err := wal.Open(wal.OS(directory), options)
	require.NoError(t, err)
	membership := raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 7}}}
	stored, err := log.Form(wal.ClusterID{1}, membership)
	require.NoError(t, err)
	first := stored.Snapshot.Index + 1
	open := lockfsm.Oldest.Encode(nil, lockfsm.Open{Nonce: 9, TTL: time.Minute})
	require.NoError(t, log.Append(raft.Record{Term: 3, Vote: 1, Entries: []raft.Entry{
		{Index: first, Term: 3, Kind: raft.KindEmpty, Time: time.Second}, {Index: first + 1, Term: 3, Kind: raft.KindCommand, Time: time.Second, Data: open},
	}}))
	require.NoError(t, log.Sync())
	require.NoError(t, log.Close())

	entries, err := fill(directory, 100_000)
	require.NoError(t, err)
	log, recovered, err := wal.Open(wal.OS(directory), options)
	require.NoError(t, err)
	defer log.Close() //nolint:errcheck // it is only read
	require.Nil(t, recovered.Damaged)
	require.Len(t, recovered.Stored.Entries, entries+2)
	bytes, machine := 0, lockfsm.New()
	for i, entry := range recovered.Stored.Entries {
		require.Equal(t, first+raft.Index(i), entry.Index)
		require.Equal(t, raft.Term(3), entry.Term)
		if entry.Kind == raft.KindCommand {
			bytes += len(entry.Data)
			var applied lockfsm.Applied
			require.NoError(t, machine.Apply(uint64(entry.Index), entry.Time, entry.Data, &applied))
			require.Equal(t, lockfsm.OK, applied.Result.Status)
		}
	}
	require.GreaterOrEqual(t, bytes, 100_000)
	require.Equal(t, 2, machine.Counts().Sessions)
}
