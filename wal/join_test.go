package wal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/wal"
)

// A node that joins begins with nothing, and finds nothing again, until the leader has sent it a snapshot.
func TestADirectoryThatJoins(t *testing.T) {
	directory := wal.OS(t.TempDir())
	options := wal.Options{Member: 4, Incarnation: 44}
	log, recovered, err := wal.Open(directory, options)
	require.NoError(t, err)
	require.False(t, recovered.Identity.Formed())
	stored, err := log.Join(wal.ClusterID{9})
	require.NoError(t, err)
	require.Equal(t, raft.Stored{}, stored)
	require.Panics(t, func() { _, _ = log.Join(wal.ClusterID{9}) })
	require.NoError(t, log.Close())

	log, recovered, err = wal.Open(directory, options)
	require.NoError(t, err)
	require.Equal(t, wal.Identity{Cluster: wal.ClusterID{9}, Member: 4, Incarnation: 44}, recovered.Identity)
	require.Equal(t, raft.Stored{}, recovered.Stored)
	full := raft.Membership{
		Members: []raft.Member{{ID: 1, Incarnation: 11}, {ID: 2, Incarnation: 22}}, Former: []raft.Member{{ID: 1, Incarnation: 11}},
		Learners: []raft.Member{{ID: 4, Incarnation: 44, Address: "four:7401"}},
	}
	snapshot := raft.Snapshot{Index: 7, Term: 3, Membership: full, Data: []byte("all of it")}
	require.NoError(t, log.Append(raft.Record{Sequence: 1, Term: 3}))
	require.NoError(t, log.Append(raft.Record{Sequence: 2, Term: 3, Snapshot: &snapshot}))
	require.NoError(t, log.Sync())
	require.NoError(t, log.Close())

	log, recovered, err = wal.Open(directory, options)
	require.NoError(t, err)
	require.Equal(t, raft.Stored{Term: 3, Snapshot: snapshot}, recovered.Stored)
	require.NoError(t, log.Close())
}

// A promise is given once: such a directory founds its cluster, or none.
func TestADirectoryThatHasPromisedDoesNotJoin(t *testing.T) {
	log, _, err := wal.Open(wal.OS(t.TempDir()), wal.Options{Member: 1, Incarnation: 11})
	require.NoError(t, err)
	require.NoError(t, log.Promise(raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 11}}}))
	require.Panics(t, func() { _, _ = log.Join(wal.ClusterID{9}) })
	require.NoError(t, log.Close())
}
