package wal_test

import (
	"testing"

	"lockd/raft"
	"lockd/sim/disk"

	"github.com/stretchr/testify/require"
)

// A doubt that was never resolved does not end by a restart, whatever snapshot reached the disk before the power went.
func TestADoubtIsNotEndedByTheTermOfASnapshot(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 5; index++ {
		keep(t, log, raft.Record{Term: 2, Entries: entries(2, index, index)})
	}
	keep(t, log, raft.Record{Term: 7, Vote: 2, Entries: entries(7, 6, 30)})
	require.NoError(t, log.Close())
	for _, name := range []string{"0000000000000001.segment", "0000000000000002.segment", "0000000000000003.segment"} {
		if _, err := directory.Open(name); err == nil {
			require.NoError(t, directory.Remove(name))
		}
	}
	require.NoError(t, directory.SyncDir())
	directory.FlipBit("snapshot-0000000000000001", 8*70)
	log, recovered := open(t, directory)
	require.True(t, recovered.Stored.Damage.Doubt)
	// All have answered: it is in a new term, and is given a snapshot, which gets to the disk. The record of the term does not.
	given := snapshotAt(10, 6)
	require.NoError(t, log.Append(raft.Record{Sequence: 1, Term: raft.Leap + 7}))
	require.NoError(t, log.Append(raft.Record{Sequence: 2, Term: raft.Leap + 7, Snapshot: &given}))
	directory.Crash()
	for range 3 {
		log, recovered = open(t, directory)
		require.NotNil(t, recovered.Stored.Damage)
		require.True(t, recovered.Stored.Damage.Doubt, "term %d, nobody has answered since", recovered.Stored.Term)
		require.NoError(t, log.Close())
	}
}

// The record in which a log began anew in doubt may be lost too, also when no older segment is left.
func TestADoubtOutlivesDamageToItself(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 7, Vote: 2, Entries: entries(7, 2, 30)})
	require.NoError(t, log.Close())
	for _, name := range []string{"0000000000000001.segment", "0000000000000002.segment"} {
		if directory.Size(name) > 0 {
			require.NoError(t, directory.Remove(name))
		}
	}
	require.NoError(t, directory.SyncDir())
	for range 2 {
		log, recovered := open(t, directory)
		require.True(t, recovered.Stored.Damage.Doubt)
		require.NoError(t, log.Close())
	}
	directory.FlipBit("0000000000000001.segment", 8*100)
	_, recovered := open(t, directory)
	require.NotNil(t, recovered.Stored.Damage)
	require.True(t, recovered.Stored.Damage.Doubt, "%+v %+v", recovered.Stored, recovered.Stored.Damage)
}

// What a doubt is over with is a claim, and that is not let go before the log has come by it, whatever snapshots there are: they say nothing of
// how far the log had come.
func TestNoSnapshotReleasesTheClaimOfADoubt(t *testing.T) {
	for _, nothing := range []bool{false, true} {
		directory := newDisk(1)
		log := formed(t, directory)
		for index := raft.Index(2); index <= 4; index++ {
			keep(t, log, raft.Record{Term: 2, Entries: entries(2, index, index)})
		}
		had := snapshotAt(400, 7)
		keep(t, log, raft.Record{Term: 7, Snapshot: &had, Entries: entries(7, 401, 500)}) // acknowledged
		require.NoError(t, log.Close())
		for _, name := range []string{"0000000000000001.segment", "0000000000000002.segment", "0000000000000003.segment"} {
			if file, err := directory.Open(name); err == nil && (nothing || name != "0000000000000001.segment") {
				require.NoError(t, file.Close())
				require.NoError(t, directory.Remove(name))
			}
		}
		require.NoError(t, directory.Remove("snapshot-0000000000000190"))
		require.NoError(t, directory.SyncDir())
		if !nothing {
			directory.FlipBit("0000000000000001.segment", 8*(4*disk.SectorSize+100)) // the last record that is left, or the mark behind it
		}
		log, recovered := open(t, directory)
		require.True(t, recovered.Stored.Damage.Doubt)

		// It is over, and a leader of a later term sends what it has: a snapshot, and what is behind that. Its own first entry has not come yet.
		term := raft.Term(raft.Leap + 7)
		keep(t, log, raft.Record{Term: term})
		given := snapshotAt(300, 7)
		keep(t, log, raft.Record{Term: term + 1, Snapshot: &given})
		for index := raft.Index(301); index <= 340; index++ {
			keep(t, log, raft.Record{Term: term + 1, Entries: entries(7, index, index)})
		}
		require.NoError(t, log.SaveSnapshot(snapshotAt(330, 7)))
		require.NoError(t, log.Release(330))
		require.NoError(t, log.SaveSnapshot(snapshotAt(338, 7)))
		require.NoError(t, log.Release(338))
		directory.Crash()
		_, recovered = open(t, directory)
		require.NotNil(t, recovered.Stored.Damage, "it had acknowledged up to entry 500, and is at 340")
		require.Equal(t, term, recovered.Stored.Damage.End.Term)
	}
}
