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
		refused, repairable := 0, 0
		for bit := range int64(len(content)) * 8 {
			directory.FlipBit(name, bit)
			log, recovered, err := wal.Open(directory, options())
			if err == nil {
				if name != olderSnapshot { // which nobody reads as long as the newer one is good
					require.Equal(t, name, recovered.Damaged.File)
				}
				requireNoLess(t, stored, recovered.Stored)
				if recovered.Stored.Damage != nil {
					repairable++
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
		t.Logf("%s: %d bits, %d refused, %d repairable", name, len(content)*8, refused, repairable)
	}
}

// requireNoLess says that a member which had stored something counts for no less with what it has now, and promises nothing else.
func requireNoLess(t testing.TB, had, has raft.Stored) {
	t.Helper()
	if has.Damage != nil && has.Damage.Doubt {
		require.LessOrEqual(t, has.Term, had.Term)
		return
	}
	require.Equal(t, had.Term, has.Term)
	require.Equal(t, had.Vote, has.Vote)
	end := raft.Position{Index: had.Snapshot.Index, Term: had.Snapshot.Term}
	at := map[raft.Index]raft.Entry{}
	for _, e := range had.Entries {
		end, at[e.Index] = raft.Position{Index: e.Index, Term: e.Term}, e
	}
	if has.Damage == nil {
		require.Equal(t, had.Entries[len(had.Entries)-1], has.Entries[len(has.Entries)-1])
		return
	}
	require.False(t, has.Damage.End.Before(end), "%+v, and it had %+v", has.Damage.End, end)
	for _, run := range has.Damage.Behind {
		for _, e := range run {
			if e.Index > had.Snapshot.Index {
				require.Equal(t, at[e.Index], e)
			}
		}
	}
}

// What is left of a damaged log is written anew, and a crash at any operation leaves the old or the new. The old is not touched.
func TestADamagedLogIsOpenedAgainAndAgain(t *testing.T) {
	damaged := newDisk(1)
	log := formed(t, damaged)
	for index := raft.Index(2); index <= 9; index++ {
		keep(t, log, raft.Record{Term: 2, Vote: 3, Entries: entries(2, index, index)})
	}
	require.NoError(t, log.Close())
	damaged.FlipBit("0000000000000001.segment", 8*(4*disk.SectorSize+100)) // entry 5
	image := imageOf(t, damaged)

	lost := &raft.Damage{End: raft.Position{Index: 9, Term: 2}, Behind: [][]raft.Entry{entries(2, 6, 9)}}
	for halt := 1; ; halt++ {
		directory := image.disk(t)
		directory.HaltAt(directory.Operations() + halt)
		_, recovered, err := wal.Open(directory, options())
		directory.Crash()
		log, again := open(t, directory)
		require.Equal(t, entries(2, 2, 4), again.Stored.Entries)
		require.Equal(t, lost, again.Stored.Damage)
		require.Equal(t, raft.ID(3), again.Stored.Vote)
		for name, content := range image {
			require.Equal(t, content, imageOf(t, directory)[name], name)
		}
		require.NoError(t, log.Close())
		if err == nil {
			require.Equal(t, again.Stored, recovered.Stored)
			require.Nil(t, again.Damaged, "the old log was not needed")
			break
		}
	}
}

// The claim lasts until the log has come by what it lacks, over any number of openings, and so do the old segments.
func TestADamagedLogIsMendedByWhatIsAppended(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 9; index++ {
		keep(t, log, raft.Record{Term: 2, Entries: entries(2, index, index)})
	}
	require.NoError(t, log.Close())
	old := "0000000000000001.segment"
	directory.FlipBit(old, 8*(4*disk.SectorSize+100)) // entry 5
	log, _ = open(t, directory)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 5, 5)})
	require.NoError(t, log.SaveSnapshot(snapshotAt(4, 2)))
	require.NoError(t, log.SaveSnapshot(snapshotAt(5, 2)))
	require.NoError(t, log.Release(5))
	directory.Crash()
	log, recovered := open(t, directory)
	require.Empty(t, recovered.Stored.Entries)
	require.Equal(t, &raft.Damage{End: raft.Position{Index: 9, Term: 2}, Behind: [][]raft.Entry{entries(2, 6, 9)}}, recovered.Stored.Damage)

	require.NotZero(t, directory.Size(old))
	keep(t, log, raft.Record{Term: 3, Entries: entries(3, 6, 6)}) // another leader's, who had not heard of the rest
	require.Zero(t, directory.Size(old))
	directory.Crash()
	_, recovered = open(t, directory)
	require.Nil(t, recovered.Stored.Damage)
	require.Equal(t, entries(3, 6, 6), recovered.Stored.Entries)
}

// A record that is lost may have cut the log. What stands before it and what stands behind it are not joined, however well they fit.
func TestNothingIsJoinedAcrossAGap(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 2, 5)})
	keep(t, log, raft.Record{Term: 3, Entries: entries(3, 4, 5)})
	keep(t, log, raft.Record{Term: 3, Entries: entries(3, 6, 7)})
	require.NoError(t, log.Close())
	directory.FlipBit("0000000000000001.segment", 8*(2*disk.SectorSize+100)) // the cut
	_, recovered := open(t, directory)
	require.Equal(t, entries(2, 2, 5), recovered.Stored.Entries)
	require.Equal(t, [][]raft.Entry{entries(3, 6, 7)}, recovered.Stored.Damage.Behind)
}

// With nothing but votes behind it, nobody knows where the log ended. It is taken to have ended no earlier than it can have.
func TestAnUncertainEndIsBounded(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 2, 5)})
	keep(t, log, raft.Record{Term: 3, Entries: entries(3, 6, 12)})
	keep(t, log, raft.Record{Term: 4, Vote: 2})
	require.NoError(t, log.Close())
	log, _ = open(t, directory) // which adds a record that says what snapshot is under the log
	require.NoError(t, log.Close())
	directory.FlipBit("0000000000000001.segment", 8*(2*disk.SectorSize+100))
	_, recovered := open(t, directory)
	require.Equal(t, raft.ID(2), recovered.Stored.Vote)
	require.Empty(t, recovered.Stored.Damage.Behind)
	require.Equal(t, raft.Term(4), recovered.Stored.Damage.End.Term)
	require.GreaterOrEqual(t, recovered.Stored.Damage.End.Index, raft.Index(12))
}

// The segment in which a log began anew may rot as well. What it claimed is then not forgotten.
func TestAClaimOutlivesDamageToItself(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 9; index++ {
		keep(t, log, raft.Record{Term: 2, Entries: entries(2, index, index)})
	}
	require.NoError(t, log.Close())
	directory.FlipBit("0000000000000001.segment", 8*(4*disk.SectorSize+100)) // entry 5
	log, _ = open(t, directory)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 5, 5)})
	require.NoError(t, log.Close())
	names, err := directory.List()
	require.NoError(t, err)
	newest := names[slices.IndexFunc(names, func(name string) bool { return name > "0000000000000001.segment" })]
	newest = names[max(slices.Index(names, newest), slices.Index(names, "0000000000000003.segment"))]
	directory.FlipBit(newest, 8*100)
	_, recovered := open(t, directory)
	require.NotNil(t, recovered.Stored.Damage)
	require.False(t, recovered.Stored.Damage.End.Before(raft.Position{Index: 9, Term: 2}))
}

// What is lost may have been a snapshot that the leader sent, and entries behind it. The snapshot's own file tells how far that was.
func TestALostRecordMayHaveBroughtASnapshot(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	received := snapshotAt(500, 3)
	keep(t, log, raft.Record{Term: 3, Snapshot: &received, Entries: entries(3, 501, 503)})
	keep(t, log, raft.Record{Term: 3, Vote: 2})
	require.NoError(t, log.Close())
	directory.FlipBit("0000000000000001.segment", 8*(1*disk.SectorSize+100))
	_, recovered := open(t, directory)
	require.False(t, recovered.Stored.Damage.End.Before(raft.Position{Index: 503, Term: 3}))
	require.Equal(t, received, recovered.Stored.Snapshot)
}

// The log's first record may be lost as well. Then nothing is known of where it begins, and yet where it ended.
func TestALogWithoutItsBeginning(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 2, 5)})
	for index := raft.Index(6); index <= 20; index++ {
		keep(t, log, raft.Record{Term: 2, Entries: entries(2, index, index)})
	}
	require.NoError(t, log.Close())
	for _, name := range []string{"0000000000000001.segment", "0000000000000002.segment"} {
		directory.FlipBit(name, 8*100)
	}
	_, recovered := open(t, directory)
	require.Empty(t, recovered.Stored.Entries)
	end := recovered.Stored.Damage.End
	require.False(t, end.Before(raft.Position{Index: 20, Term: 2}))
	require.Less(t, end.Index, raft.Index(1000))
}

// Where the newest term or vote may be lost, the member is in doubt, over any number of openings. What can be read is left.
func TestDamageToTheLastRecordLeavesADoubt(t *testing.T) {
	for _, c := range []struct {
		sectors []int64
		left    []raft.Entry
		behind  [][]raft.Entry
	}{
		{[]int64{4}, entries(2, 2, 4), nil},                                 // the last record
		{[]int64{5}, entries(2, 2, 5), nil},                                 // the mark behind it
		{[]int64{2, 5}, entries(2, 2, 2), [][]raft.Entry{entries(2, 4, 5)}}, // that, and a record in the middle
		{[]int64{0, 1, 2, 3, 4, 5}, nil, nil},                               // all
	} {
		directory := newDisk(1)
		log := formed(t, directory)
		for index := raft.Index(2); index <= 5; index++ {
			keep(t, log, raft.Record{Term: 2, Entries: entries(2, index, index)})
		}
		require.NoError(t, log.Close())
		for _, sector := range c.sectors {
			directory.FlipBit("0000000000000001.segment", 8*(sector*disk.SectorSize+100))
		}
		for range 2 {
			log, recovered := open(t, directory)
			require.True(t, recovered.Stored.Damage.Doubt)
			require.Equal(t, c.left, recovered.Stored.Entries)
			require.Equal(t, c.behind, recovered.Stored.Damage.Behind)
			require.NoError(t, log.Close())
		}
	}
}

// The first record of a higher term ends a doubt: whatever was lost was before it. From then on the log is damaged like others, until it has something later.
func TestADoubtEndsWithATerm(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 2, Vote: 3, Entries: entries(2, 2, 5)})
	keep(t, log, raft.Record{Term: 4, Vote: 2})
	require.NoError(t, log.Close())
	directory.FlipBit("0000000000000001.segment", 8*(2*disk.SectorSize+100))
	log, recovered := open(t, directory)
	require.Equal(t, raft.Term(2), recovered.Stored.Term)
	keep(t, log, raft.Record{Term: 900})
	directory.Crash()
	log, recovered = open(t, directory)
	require.Equal(t, raft.Term(900), recovered.Stored.Term)
	require.Zero(t, recovered.Stored.Vote)
	require.Equal(t, &raft.Damage{End: raft.Position{Index: 6, Term: 900}}, recovered.Stored.Damage)
	require.Equal(t, entries(2, 2, 5), recovered.Stored.Entries)
	keep(t, log, raft.Record{Term: 901, Entries: entries(2, 6, 7)})
	directory.Crash()
	log, recovered = open(t, directory)
	require.NotNil(t, recovered.Stored.Damage)
	keep(t, log, raft.Record{Term: 901, Entries: entries(901, 8, 8)})
	directory.Crash()
	_, recovered = open(t, directory)
	require.Nil(t, recovered.Stored.Damage)
}

// Behind a doubt that is over, damage in the middle does not bring the doubt back, nor does it make the claim smaller.
func TestAClaimOutlivesItsDoubt(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 2, 5)})
	require.NoError(t, log.Close())
	directory.FlipBit("0000000000000001.segment", 8*(1*disk.SectorSize+100))
	log, _ = open(t, directory)
	keep(t, log, raft.Record{Term: 900})
	keep(t, log, raft.Record{Term: 901, Entries: entries(2, 2, 3)})
	keep(t, log, raft.Record{Term: 901, Entries: entries(2, 4, 5)})
	require.NoError(t, log.Close())
	for _, sector := range []int64{1, 2} { // the term, or what came behind it
		damaged := imageOf(t, directory).disk(t)
		damaged.FlipBit("0000000000000002.segment", 8*(sector*disk.SectorSize+100))
		_, recovered := open(t, damaged)
		require.False(t, recovered.Stored.Damage.Doubt)
		require.False(t, recovered.Stored.Damage.End.Before(raft.Position{Index: 2, Term: 900}), "%+v", recovered.Stored.Damage)
	}
}

// Behind the end nothing was ever written. A bit that turns over there is no loss.
func TestRotWhereNothingStoodIsNoLoss(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 2, 3)})
	require.NoError(t, log.Close())
	directory.FlipBit("0000000000000001.segment", 8*(5*disk.SectorSize+100))
	log, recovered := open(t, directory)
	require.Equal(t, entries(2, 2, 3), recovered.Stored.Entries)
	require.Nil(t, recovered.Stored.Damage)
	require.NotNil(t, recovered.Damaged)
	require.NoError(t, log.Close())
	_, recovered = open(t, directory)
	require.Nil(t, recovered.Damaged, "it is written over")
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

// Without any snapshot there is no state. The log still says where it ended, and the head of a snapshot who the others are; what the member lacks has to
// come from a leader. A crash at any operation leaves it so.
func TestADirectoryWithoutASnapshotThatCanBeRead(t *testing.T) {
	rotting, stored := rottingLog(t)
	damaged := rotting.disk(t)
	for _, name := range []string{olderSnapshot, newerSnapshot} {
		damaged.FlipBit(name, 8*damaged.Size(name)-1)
	}
	image := imageOf(t, damaged)
	lost := &raft.Damage{End: raft.Position{Index: 18, Term: 3}, Behind: [][]raft.Entry{append(entries(2, 2, 5), entries(3, 6, 18)...)}}
	for halt := 1; ; halt++ {
		directory := image.disk(t)
		directory.HaltAt(directory.Operations() + halt)
		_, recovered, err := wal.Open(directory, options())
		directory.Crash()
		log, again := open(t, directory)
		require.Equal(t, raft.Snapshot{Membership: membership}, again.Stored.Snapshot)
		require.Empty(t, again.Stored.Entries)
		require.Equal(t, lost, again.Stored.Damage)
		require.Equal(t, []any{stored.Term, stored.Vote}, []any{again.Stored.Term, again.Stored.Vote})
		if err == nil {
			require.Equal(t, again.Stored, recovered.Stored)
			require.Equal(t, newerSnapshot, recovered.Damaged.File)
			later := snapshotAt(17, 3)
			keep(t, log, raft.Record{Term: 3, Vote: 2, Snapshot: &later, Entries: entries(3, 18, 18)})
			require.NoError(t, log.Close())
			_, recovered = open(t, directory)
			require.Nil(t, recovered.Stored.Damage)
			require.Equal(t, later, recovered.Stored.Snapshot)
			break
		}
		require.NoError(t, log.Close())
	}
}

// Of two copies of an identity one may rot. It is written again.
func TestOneCopyOfAnIdentityIsEnough(t *testing.T) {
	for sector := range int64(2) {
		directory := newDisk(1)
		log := formed(t, directory)
		require.NoError(t, log.Close())
		directory.FlipBit("identity", 8*(sector*disk.SectorSize+20))
		log, recovered := open(t, directory)
		require.Equal(t, "identity", recovered.Damaged.File)
		require.Equal(t, raft.ID(1), recovered.Identity.Member)
		require.NoError(t, log.Close())
		directory.FlipBit("identity", 8*((1-sector)*disk.SectorSize+20))
		log, recovered = open(t, directory)
		require.NotNil(t, recovered.Damaged)
		require.NoError(t, log.Close())
		for both := range int64(2) {
			directory.FlipBit("identity", 8*(both*disk.SectorSize+20))
		}
		_, _, err := wal.Open(directory, options())
		require.ErrorAs(t, err, new(*wal.DamageError), "nobody else knows whose it is")
	}
}

// A snapshot that came from the leader has no log before it. Without it the member is back at the one before, and still counts as
// holding what it held.
func TestADamagedSnapshotThatTheLogDoesNotReplace(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	received := snapshotAt(50, 2)
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 2, 4)})
	keep(t, log, raft.Record{Term: 2, Snapshot: &received})
	keep(t, log, raft.Record{Term: 3, Vote: 2, Entries: entries(3, 51, 53)})
	require.NoError(t, log.Close())
	directory.FlipBit("snapshot-0000000000000032", 200)
	for range 2 {
		log, recovered := open(t, directory)
		require.Equal(t, raft.Index(1), recovered.Stored.Snapshot.Index)
		require.Equal(t, raft.ID(2), recovered.Stored.Vote)
		require.Empty(t, recovered.Stored.Entries)
		require.Equal(t, &raft.Damage{End: raft.Position{Index: 53, Term: 3}, Behind: [][]raft.Entry{entries(3, 51, 53)}}, recovered.Stored.Damage)
		require.NoError(t, log.Close())
	}
	log, _ = open(t, directory)
	later := snapshotAt(60, 3)
	keep(t, log, raft.Record{Term: 3, Snapshot: &later})
	require.NoError(t, log.Close())
	_, recovered := open(t, directory)
	require.Nil(t, recovered.Stored.Damage)
	require.Equal(t, later, recovered.Stored.Snapshot)
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
	_, recovered := open(t, directory)
	require.Equal(t, first, recovered.Damaged.File)
	require.EqualValues(t, 2*disk.SectorSize, recovered.Damaged.Offset)
	require.EqualValues(t, 3, recovered.Damaged.First)
	require.EqualValues(t, 3, recovered.Damaged.Last)
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
		_, recovered := open(t, lacking.disk(t))
		require.NotNil(t, recovered.Damaged, name)
		require.NotNil(t, recovered.Stored.Damage, name)
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
	rotting, stored := rottingLog(t)
	for name, content := range rotting {
		for sector := range len(content) / disk.SectorSize {
			directory := rotting.disk(t)
			directory.Blank(name, int64(sector))
			_, recovered, err := wal.Open(directory, options())
			if err == nil {
				requireNoLess(t, stored, recovered.Stored)
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

// A doubt tells nothing of where the log ended, and what is left from before it goes all the same when the log has an entry of a later term than that in
// which the doubt was over: no snapshot has to reach what was never there.
func TestWhatADoubtLeavesBehindGoesWithIt(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 6; index++ {
		keep(t, log, raft.Record{Term: 2, Entries: entries(2, index, index)})
	}
	require.NoError(t, log.Close())
	old := "0000000000000001.segment"
	directory.FlipBit(old, 8*(5*disk.SectorSize+100)) // entry 6, the last record
	log, recovered := open(t, directory)
	require.True(t, recovered.Stored.Damage.Doubt)
	keep(t, log, raft.Record{Term: 2, Vote: 1})
	keep(t, log, raft.Record{Term: raft.Leap})
	keep(t, log, raft.Record{Term: raft.Leap, Entries: entries(2, 6, 6)})
	require.NotZero(t, directory.Size(old))
	keep(t, log, raft.Record{Term: raft.Leap + 1, Entries: entries(raft.Leap+1, 7, 7)})
	require.Zero(t, directory.Size(old))
	directory.Crash()
	_, recovered = open(t, directory)
	require.Nil(t, recovered.Stored.Damage)
	require.EqualValues(t, 7, recovered.Stored.Entries[len(recovered.Stored.Entries)-1].Index)
}

// What a snapshot stands for may rot without loss: what can be read behind the snapshot is still there, however far before it the hole begins.
func TestRotBelowASnapshotLosesNothingBehindIt(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 9; index++ {
		keep(t, log, raft.Record{Term: 2, Vote: 3, Entries: entries(2, index, index)})
	}
	require.NoError(t, log.SaveSnapshot(snapshotAt(5, 2)))
	require.NoError(t, log.Close())
	directory.FlipBit("0000000000000001.segment", 8*(2*disk.SectorSize+100)) // entry 3
	for range 2 {
		log, recovered := open(t, directory)
		require.Equal(t, raft.Index(5), recovered.Stored.Snapshot.Index)
		found := map[raft.Index]bool{}
		for _, e := range recovered.Stored.Entries {
			found[e.Index] = true
		}
		if d := recovered.Stored.Damage; d != nil {
			for _, run := range d.Behind {
				for _, e := range run {
					found[e.Index] = true
				}
			}
		}
		for index := raft.Index(6); index <= 9; index++ {
			require.True(t, found[index], "entry %d can be read on the disk", index)
		}
		require.NoError(t, log.Close())
	}
}
