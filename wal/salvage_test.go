package wal_test

import (
	"fmt"
	"testing"

	"lockd/raft"
	"lockd/sim/disk"
	"lockd/wal"

	"github.com/stretchr/testify/require"
)

var successor = wal.Successor{Cluster: wal.ClusterID{0x5C}, Index: 1 << 53}

func salvage(t testing.TB, directory wal.FS) *wal.Salvage {
	t.Helper()
	salvaged, err := wal.OpenSalvage(directory)
	require.NoError(t, err)
	return salvaged
}

func TestSalvageReadsWhatOpenWouldAndChangesNothing(t *testing.T) {
	rotting, stored := rottingLog(t)
	directory := rotting.disk(t)
	salvaged := salvage(t, directory)
	require.Equal(t, stored.Snapshot, salvaged.Snapshot)
	require.Equal(t, stored.Entries, salvaged.Entries)
	require.Equal(t, raft.Index(18), salvaged.Last())
	require.Equal(t, cluster, salvaged.Identity.Cluster)
	require.Empty(t, salvaged.Damage)
	require.NoError(t, salvaged.Close())
	require.Equal(t, rotting, imageOf(t, directory))
}

func TestADirectoryInUseIsNotSalvaged(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	_, err := wal.OpenSalvage(directory)
	require.ErrorIs(t, err, wal.ErrInUse)
	require.NoError(t, log.Close())
	require.NoError(t, salvage(t, directory).Close())
	require.NoError(t, salvage(t, directory).Close(), "and given free again")
}

func TestADirectoryThatWasNeverFormedHasNothingToSalvage(t *testing.T) {
	directory := newDisk(1)
	_, err := wal.OpenSalvage(directory)
	require.ErrorIs(t, err, wal.ErrUnformed)
	log, _ := open(t, directory)
	require.NoError(t, log.Close())
	_, err = wal.OpenSalvage(directory)
	require.ErrorIs(t, err, wal.ErrUnformed)
}

// A record that a crash left unfinished was acknowledged to nobody.
func TestAnUnfinishedTailIsNoDamageToASalvage(t *testing.T) {
	directory := newDisk(3)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, 2, 3)})
	require.NoError(t, log.Append(raft.Record{Term: 1, Entries: entries(1, 4, 40)}))
	directory.Crash()
	salvaged := salvage(t, directory)
	require.Empty(t, salvaged.Damage)
	require.Equal(t, entries(1, 2, 3), salvaged.Entries)
}

// Wherever one sector rots, a salvage reads a state in which the log once was, and says what is missing behind it. Only the identity, whose
// loss makes a directory anybody's, can't be done without.
func TestASalvageGoesAsFarAsEverythingIsCertain(t *testing.T) {
	rotting, stored := rottingLog(t)
	once := map[string]bool{fmt.Sprint(stored.Entries): true}
	for last := raft.Index(1); last <= 6; last++ {
		once[fmt.Sprint(entries(2, 2, last))] = true                                       // above the first snapshot
		once[fmt.Sprint(entries(2, 5, last))] = true                                       // above the second
		once[fmt.Sprint(append(entries(2, 2, min(last, 5)), entries(3, 6, 18)...))] = true // the second is damaged
	}
	for name, content := range rotting {
		for offset := int64(0); offset < int64(len(content)); offset += disk.SectorSize {
			directory := rotting.disk(t)
			directory.FlipBit(name, 8*offset+100)
			if name == "identity" { // both copies
				directory.FlipBit(name, 8*((offset+disk.SectorSize)%int64(len(content)))+100)
			}
			salvaged, err := wal.OpenSalvage(directory)
			if name == "identity" {
				require.ErrorAs(t, err, new(*wal.DamageError))
				continue
			}
			require.NoError(t, err, "%s, byte %d", name, offset)
			require.True(t, once[fmt.Sprint(salvaged.Entries)], "%s, byte %d: %v", name, offset, salvaged.Entries)
			if name == olderSnapshot {
				require.Empty(t, salvaged.Damage, "nobody reads it as long as the newer one is good")
				continue
			}
			require.Len(t, salvaged.Damage, 1)
			require.Equal(t, name, salvaged.Damage[0].File)
			if name == newerSnapshot {
				require.Equal(t, raft.Index(18), salvaged.Last(), "the older one and the log make it good")
				require.Zero(t, salvaged.Damage[0].Last)
			} else {
				require.Equal(t, salvaged.Last()+1, salvaged.Damage[0].First)
			}
		}
	}
}

// The log goes on from the fourth entry. Without the snapshot of what came before, nothing can be said of what comes behind.
func TestASalvageDoesNotReadOnBehindAGap(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 2, Snapshot: &raft.Snapshot{Index: 9, Term: 2, Membership: membership}})
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 10, 12)})
	require.NoError(t, log.Close())
	directory.FlipBit("snapshot-0000000000000009", 99)
	salvaged := salvage(t, directory)
	require.Equal(t, raft.Index(1), salvaged.Last())
	require.Len(t, salvaged.Damage, 2)
	require.Equal(t, []raft.Index{2, 9}, []raft.Index{salvaged.Damage[0].First, salvaged.Damage[0].Last})
	require.Equal(t, raft.Index(2), salvaged.Damage[1].First, "from there on")
	require.NoError(t, salvaged.Close())

	directory.FlipBit("snapshot-0000000000000001", 99)
	_, err := wal.OpenSalvage(directory)
	require.ErrorAs(t, err, new(*wal.DamageError), "no snapshot is left")
}

// A member of the old cluster that came back would serve beside the new one.
func TestARetiredDirectoryIsNeverOpenedAgain(t *testing.T) {
	rotting, _ := rottingLog(t)
	directory := rotting.disk(t)
	salvaged := salvage(t, directory)
	require.NoError(t, salvaged.Retire(successor))
	directory.Crash()
	for range 2 {
		_, _, err := wal.Open(directory, options())
		require.ErrorIs(t, err, wal.ErrRetired)
		require.ErrorContains(t, err, "5c000000000000000000000000000000, whose log begins at entry 9007199254740992")
	}
	kept := imageOf(t, directory)
	delete(kept, "successor")
	require.Equal(t, rotting, kept, "nothing else was changed")

	directory.FlipBit("successor", 99)
	_, _, err := wal.Open(directory, options())
	require.ErrorIs(t, err, wal.ErrRetired, "that there was a successor is certain")
	_, err = wal.OpenSalvage(directory)
	require.ErrorAs(t, err, new(*wal.DamageError), "who it was is not, and a second one could share its epoch")
}

// The second recovery of a directory knows of the first, and goes above it.
func TestADirectoryIsRetiredForASuccessorFurtherOnOnly(t *testing.T) {
	directory := newDisk(1)
	require.NoError(t, formed(t, directory).Close())
	salvaged := salvage(t, directory)
	require.Zero(t, salvaged.Successor)
	require.NoError(t, salvaged.Retire(successor))
	require.NoError(t, salvaged.Close())

	salvaged = salvage(t, directory)
	require.Equal(t, successor, salvaged.Successor)
	require.Panics(t, func() { _ = salvaged.Retire(successor) })
	require.NoError(t, salvaged.Retire(wal.Successor{Cluster: wal.ClusterID{0x6C}, Index: 1 << 54}))
}

// Wherever the process ends while it retires a directory, alone or with the machine, that is retired or it is not, and can be.
func TestARetirementThatWasInterruptedIsMadeGood(t *testing.T) {
	for _, end := range []func(*disk.Disk){(*disk.Disk).Kill, (*disk.Disk).Crash} {
		operation := 1
		for interrupted(t, operation, end) {
			operation++
		}
		require.Greater(t, operation, 5)
	}
}

func interrupted(t *testing.T, operation int, end func(*disk.Disk)) bool {
	directory := newDisk(uint64(operation))
	require.NoError(t, formed(t, directory).Close())
	salvaged := salvage(t, directory)
	directory.HaltAt(directory.Operations() + operation)
	if salvaged.Retire(successor) == nil {
		return false
	}
	end(directory)
	salvaged = salvage(t, directory)
	require.Contains(t, []wal.Successor{{}, successor}, salvaged.Successor)
	require.NoError(t, salvaged.Retire(wal.Successor{Cluster: successor.Cluster, Index: successor.Index + 1}))
	require.NoError(t, salvaged.Close())
	_, _, err := wal.Open(directory, options())
	require.ErrorIs(t, err, wal.ErrRetired)
	return true
}

// The first entry of a recovered cluster stands where no entry of the old one ever stood.
func TestALogMayBeginFarOut(t *testing.T) {
	directory := newDisk(1)
	log, _ := open(t, directory)
	first := raft.Snapshot{Index: successor.Index, Term: 1, Membership: membership, Data: []byte("empty, in an epoch")}
	stored, err := log.FormFrom(successor.Cluster, first)
	require.NoError(t, err)
	require.Equal(t, raft.Stored{Term: 1, Snapshot: first}, stored)
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, first.Index+1, first.Index+3)})
	directory.Crash()
	_, recovered := open(t, directory)
	require.Equal(t, first, recovered.Stored.Snapshot)
	require.Equal(t, entries(1, first.Index+1, first.Index+3), recovered.Stored.Entries)
}
