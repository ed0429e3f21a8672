package wal_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"

	"lockd/raft"
	"lockd/sim/disk"
	"lockd/wal"

	"github.com/stretchr/testify/require"
)

// image is all that is in a directory.
type image map[string][]byte

func imageOf(t testing.TB, directory wal.FS) image {
	t.Helper()
	names, err := directory.List()
	require.NoError(t, err)
	taken := image{}
	for _, name := range names {
		file, err := directory.Open(name)
		require.NoError(t, err)
		size, err := file.Size()
		require.NoError(t, err)
		taken[name], err = io.ReadAll(io.NewSectionReader(file, 0, size))
		require.NoError(t, err)
	}
	return taken
}

// disk returns a disk that holds the image durably.
func (i image) disk(t testing.TB) *disk.Disk {
	t.Helper()
	directory := newDisk(1)
	for _, name := range slices.Sorted(maps.Keys(i)) {
		file, err := directory.Create(name)
		require.NoError(t, err)
		_, err = file.WriteAt(i[name], 0)
		require.NoError(t, err)
		require.NoError(t, file.Sync())
	}
	require.NoError(t, directory.SyncDir())
	return directory
}

const (
	olderSnapshot = "snapshot-0000000000000001"
	newerSnapshot = "snapshot-0000000000000004"
)

// A small log with everything in it: two segments, a snapshot and an older one, entries
// and votes. The log is cleanly closed, so everything in it was acknowledged.
func rottingLog(t *testing.T) (image, raft.Stored) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 6; index++ {
		keep(t, log, raft.Record{Term: 2, Vote: 1, Entries: entries(2, index, index)})
	}
	require.NoError(t, log.SaveSnapshot(snapshotAt(4, 2)))
	keep(t, log, raft.Record{Term: 3, Vote: 2, Entries: entries(3, 6, 18)}) // two sectors, a cut
	require.NoError(t, log.Close())
	_, recovered := open(t, imageOf(t, directory).disk(t))
	return imageOf(t, directory), recovered.Stored
}

func TestNoFlippedBitEverShortensTheLog(t *testing.T) {
	rotting, stored := rottingLog(t)
	for name, content := range rotting {
		directory := rotting.disk(t)
		refused := 0
		for bit := range int64(len(content)) * 8 {
			directory.FlipBit(name, bit)
			log, recovered, err := wal.Open(directory, options())
			if err == nil { // the loss was made good
				require.Equal(t, stored.Entries[len(stored.Entries)-1], recovered.Stored.Entries[len(recovered.Stored.Entries)-1])
				require.Equal(t, stored.Vote, recovered.Stored.Vote)
				if name != olderSnapshot { // which nobody reads as long as the newer one is good
					require.Equal(t, name, recovered.Damaged.File)
				}
				require.NoError(t, log.Close())
				directory = rotting.disk(t)
				continue
			}
			var damage *wal.DamageError
			require.ErrorAs(t, err, &damage, "%s, bit %d", name, bit)
			require.Equal(t, name, damage.File)
			refused++
			directory.FlipBit(name, bit)
		}
		t.Logf("%s: %d bits, %d refused", name, len(content)*8, refused)
	}
}

func TestADamagedSnapshotIsMadeGoodByAnOlderOneAndTheLog(t *testing.T) {
	rotting, stored := rottingLog(t)
	directory := rotting.disk(t)
	directory.FlipBit(newerSnapshot, 8*directory.Size(newerSnapshot)-1)
	_, recovered := open(t, directory)
	require.Equal(t, raft.Index(1), recovered.Stored.Snapshot.Index)
	require.Equal(t, append(entries(2, 2, 5), entries(3, 6, 18)...), recovered.Stored.Entries)
	require.Equal(t, stored.Term, recovered.Stored.Term)
	require.Equal(t, newerSnapshot, recovered.Damaged.File)
}

func TestADamagedSnapshotIsNotMadeGoodByAShorterLog(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	received := snapshotAt(50, 2)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 2, 4)})
	keep(t, log, raft.Record{Term: 2, Snapshot: &received})
	require.NoError(t, log.Close())
	directory.FlipBit("snapshot-0000000000000032", 200)
	_, _, err := wal.Open(directory, options())
	var damage *wal.DamageError
	require.ErrorAs(t, err, &damage)
	require.Equal(t, raft.Index(50), damage.Last)
}

func TestDamageTellsWhichEntriesMayBeLost(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 5; index++ {
		keep(t, log, raft.Record{Term: 1, Entries: entries(1, index, index)})
	}
	require.NoError(t, log.Close())
	first := "0000000000000001.segment"
	directory.FlipBit(first, 8*(2*disk.SectorSize+100)) // the record of entry 3
	_, _, err := wal.Open(directory, options())
	var damage *wal.DamageError
	require.ErrorAs(t, err, &damage)
	require.Equal(t, first, damage.File)
	require.EqualValues(t, 2*disk.SectorSize, damage.Offset)
	require.EqualValues(t, 3, damage.First)
	require.EqualValues(t, 3, damage.Last)
}

func TestALostSegmentIsDamage(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 30; index++ {
		keep(t, log, raft.Record{Term: 1, Entries: entries(1, index, index)})
	}
	require.NoError(t, log.Close())
	whole := imageOf(t, directory)
	for _, name := range []string{"0000000000000001.segment", "0000000000000002.segment", olderSnapshot} {
		lacking := maps.Clone(whole)
		delete(lacking, name)
		_, _, err := wal.Open(lacking.disk(t), options())
		var damage *wal.DamageError
		require.ErrorAs(t, err, &damage, name)
	}
}

// torn returns the image before a write with some of the sectors that the write changed.
// The bits of chosen say which.
func torn(before, after image, name string, chosen uint) (mixed image, changed int) {
	mixed = maps.Clone(before)
	mixed[name] = bytes.Clone(before[name])
	for offset := 0; offset < len(after[name]); offset += disk.SectorSize {
		sector := after[name][offset : offset+disk.SectorSize]
		if bytes.Equal(sector, before[name][offset:offset+disk.SectorSize]) {
			continue
		}
		if chosen&(1<<changed) != 0 {
			copy(mixed[name][offset:], sector)
		}
		changed++
	}
	return mixed, changed
}

// Three records of one, three and one sectors are written and not synced. Whichever
// sectors the power failure leaves, the log opens with the longest row of whole records.
func TestEveryTornWriteIsCut(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	states := []state{{term: 1, base: 1}}
	add := func(record raft.Record) {
		states = append(states, states[len(states)-1].append(record))
		require.NoError(t, log.Append(record))
	}
	before := imageOf(t, directory)
	add(raft.Record{Term: 1, Entries: entries(1, 2, 2)})
	add(raft.Record{Term: 1, Entries: entries(1, 3, 26)})
	add(raft.Record{Term: 2, Vote: 2})
	directory.FailAt(directory.Operations() + 2) // no mark is written after the failed sync
	require.ErrorIs(t, log.Sync(), disk.ErrFault)
	after := imageOf(t, directory)

	records := []uint{0b1, 0b1110, 0b10000}
	for chosen := range uint(1 << 5) {
		mixed, changed := torn(before, after, "0000000000000001.segment", chosen)
		require.Equal(t, 5, changed)
		expected := 0
		for expected < len(records) && chosen&records[expected] == records[expected] {
			expected++
		}
		reopened := mixed.disk(t)
		_, recovered := open(t, reopened)
		require.True(t, states[expected].equal(recovered.Stored), "sectors %05b", chosen)
		reopened.Crash()
		_, again := open(t, reopened)
		require.Equal(t, recovered, again)
	}
}

// A drive that forgets a write leaves a sector blank, just as a torn write does. The mark
// behind the last record tells them apart, once it has reached the disk.
func TestAForgottenSectorIsDamage(t *testing.T) {
	rotting, _ := rottingLog(t)
	for name, content := range rotting {
		for sector := range len(content) / disk.SectorSize {
			directory := rotting.disk(t)
			directory.Blank(name, int64(sector))
			_, recovered, err := wal.Open(directory, options())
			if err == nil {
				require.Equal(t, raft.ID(2), recovered.Stored.Vote)
				require.Equal(t, raft.Index(18), recovered.Stored.Entries[len(recovered.Stored.Entries)-1].Index)
				continue
			}
			var damage *wal.DamageError
			require.True(t, errors.As(err, &damage), "%s, sector %d: %v", name, sector, err)
		}
	}
}

// What an earlier opening wrote may come back behind the end that a later one has cut:
// a file system may answer reads from its memory while the platter has something else.
func TestAStaleRecordNeverJoinsALaterHistory(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	before := imageOf(t, directory)
	for index := raft.Index(2); index <= 5; index++ {
		require.NoError(t, log.Append(raft.Record{Term: 9, Entries: entries(9, index, index)}))
	}
	require.NoError(t, log.Sync())
	stale := imageOf(t, directory)

	later := before.disk(t)
	log, _ = open(t, later)
	keep(t, log, raft.Record{Term: 10, Entries: entries(10, 2, 2)})
	require.NoError(t, log.Close())
	name := "0000000000000001.segment"
	resurrected := imageOf(t, later)
	const place = 3 * disk.SectorSize // behind the beginning, the reopening and one record
	copy(resurrected[name][place:], stale[name][place:place+disk.SectorSize])

	_, recovered := open(t, resurrected.disk(t))
	require.Equal(t, entries(10, 2, 2), recovered.Stored.Entries)
}
