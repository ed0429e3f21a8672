package wal_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"lockd/raft"
	"lockd/sim/disk"
	"lockd/wal"

	"github.com/stretchr/testify/require"
)

var (
	cluster    = wal.ClusterID{0xC1}
	membership = raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 11}, {ID: 2, Incarnation: 22}}}
)

// small makes segments of a few records, so that stories reach the second and third.
const small = 8 * disk.SectorSize

func options() wal.Options {
	return wal.Options{Member: 1, Incarnation: 11, SegmentSize: small}
}

func newDisk(seed uint64) *disk.Disk { return disk.New(rand.New(rand.NewPCG(seed, 0))) }

func open(t testing.TB, directory wal.FS) (*wal.Log, wal.Recovered) {
	t.Helper()
	log, recovered, err := wal.Open(directory, options())
	require.NoError(t, err)
	return log, recovered
}

// formed opens an empty directory and forms the cluster in it.
func formed(t testing.TB, directory wal.FS) *wal.Log {
	t.Helper()
	log, recovered := open(t, directory)
	require.False(t, recovered.Identity.Formed())
	_, err := log.Form(cluster, membership)
	require.NoError(t, err)
	return log
}

func entries(term raft.Term, first, last raft.Index) []raft.Entry {
	var made []raft.Entry
	for index := first; index <= last; index++ {
		made = append(made, raft.Entry{
			Index: index, Term: term, Kind: raft.KindCommand, Time: time.Duration(index) * time.Second,
			Data: fmt.Appendf(nil, "entry %d of term %d", index, term),
		})
	}
	return made
}

func snapshotAt(index raft.Index, term raft.Term) raft.Snapshot {
	return raft.Snapshot{
		Index: index, Term: term, Time: time.Duration(index) * time.Second, Membership: membership,
		Data: fmt.Appendf(nil, "state at %d", index),
	}
}

// keep appends a record and syncs it.
func keep(t testing.TB, log *wal.Log, record raft.Record) {
	t.Helper()
	require.NoError(t, log.Append(record))
	require.NoError(t, log.Sync())
	require.NoError(t, log.Prepare())
}

func TestAFreshDirectoryIsUnformedAndTakesItsIncarnation(t *testing.T) {
	directory := newDisk(1)
	log, recovered := open(t, directory)
	require.Equal(t, wal.Identity{Member: 1, Incarnation: 11}, recovered.Identity)
	require.Zero(t, recovered.Stored)
	require.NoError(t, log.Close())

	later := options()
	later.Incarnation = 99
	_, recovered, err := wal.Open(directory, later)
	require.NoError(t, err)
	require.EqualValues(t, 11, recovered.Identity.Incarnation, "the first one stays")
}

func TestAPromiseOutlastsACrashAndIsGivenOnce(t *testing.T) {
	other := raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 77}}}
	directory := newDisk(1)
	log, _ := open(t, directory)
	require.NoError(t, log.Promise(membership))
	directory.Crash()

	log, recovered := open(t, directory)
	require.Equal(t, wal.Identity{Member: 1, Incarnation: 11, Promised: membership}, recovered.Identity)
	require.Panics(t, func() { _ = log.Promise(other) })
	require.Panics(t, func() { _, _ = log.Form(cluster, other) })
	_, err := log.Form(cluster, membership)
	require.NoError(t, err)
	require.Empty(t, log.Identity().Promised.Members, "it has come true")
}

// Whatever fails while it is written: a promise that was not reported may hold or not, and one that Open returns holds.
func TestAPromiseThatOpenReturnsIsDurable(t *testing.T) {
	for seed := range uint64(60) {
		directory := newDisk(seed)
		log, _ := open(t, directory)
		directory.FailAt(directory.Operations() + int(seed%6))
		_ = log.Promise(membership)
		directory.Kill()
		_, recovered := open(t, directory)
		directory.Crash()
		_, again := open(t, directory)
		require.Equal(t, recovered, again)
	}
}

func TestAFormedDirectoryBeginsWithTheEmptySnapshot(t *testing.T) {
	directory := newDisk(1)
	log, _ := open(t, directory)
	stored, err := log.Form(cluster, membership)
	require.NoError(t, err)
	expected := raft.Stored{Term: 1, Snapshot: raft.Snapshot{Index: 1, Term: 1, Membership: membership}}
	require.Equal(t, expected, stored)

	directory.Crash()
	_, recovered := open(t, directory)
	require.Equal(t, cluster, recovered.Identity.Cluster)
	require.Equal(t, expected, recovered.Stored)
}

// A killed process may have formed the cluster in the system's memory only.
func TestWhatOpenCallsFormedStaysFormed(t *testing.T) {
	for seed := range uint64(20) {
		directory := newDisk(seed)
		log := formed(t, directory)
		total := directory.Operations()
		require.NoError(t, log.Close())

		directory = newDisk(seed)
		log, _ = open(t, directory)
		directory.FailAt(total) // the sync of the directory after the identity's rename
		_, err := log.Form(cluster, membership)
		require.ErrorIs(t, err, disk.ErrFault)
		directory.Kill()
		_, recovered := open(t, directory)
		require.True(t, recovered.Identity.Formed())
		directory.Crash()
		_, again := open(t, directory)
		require.Equal(t, recovered, again)
	}
}

// A snapshot's new name may be in the system's memory only, and on a full disk Open has
// no other reason to sync the directory.
func TestASnapshotThatOpenReturnsIsDurable(t *testing.T) {
	for seed := range uint64(20) {
		directory := newDisk(seed)
		log := formed(t, directory)
		directory.SetCapacity(directory.Used() + disk.SectorSize)
		index := raft.Index(1)
		for !log.Full() {
			index++
			keep(t, log, raft.Record{Term: 1, Entries: entries(1, index, index)})
		}
		before := directory.Operations()
		directory.FailAt(before + 7) // create, allocate, head, chunk, sync, rename, and this
		require.ErrorIs(t, log.SaveSnapshot(snapshotAt(index, 1)), disk.ErrFault)
		directory.Kill()

		_, recovered := open(t, directory)
		require.Equal(t, snapshotAt(index, 1), recovered.Stored.Snapshot)
		directory.Crash()
		_, again := open(t, directory)
		require.Equal(t, recovered, again)
	}
}

func TestNothingIsLeftBehindTheEnd(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	require.NoError(t, log.Append(raft.Record{Term: 1, Entries: entries(1, 2, 40)}))
	directory.FailAt(directory.Operations() + 2)
	require.ErrorIs(t, log.Sync(), disk.ErrFault)
	directory.Blank("0000000000000001.segment", 1) // its beginning was lost
	directory.Kill()

	_, recovered := open(t, directory)
	require.Empty(t, recovered.Stored.Entries)
	content := imageOf(t, directory)["0000000000000001.segment"]
	const used = 3 * disk.SectorSize // the beginning, the reopening, and the mark
	require.NotEqual(t, make([]byte, disk.SectorSize), content[used-disk.SectorSize:used])
	require.Equal(t, make([]byte, small-used), content[used:])
}

func TestWhatWasSyncedIsFoundAfterALossOfPower(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 3, Vote: 2})
	keep(t, log, raft.Record{Term: 3, Vote: 2, Entries: entries(3, 2, 40)})
	directory.Crash()

	_, recovered := open(t, directory)
	require.Equal(t, raft.Term(3), recovered.Stored.Term)
	require.Equal(t, raft.ID(2), recovered.Stored.Vote)
	require.Equal(t, entries(3, 2, 40), recovered.Stored.Entries)
}

func TestEntriesCutWhatStoodThere(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, 2, 30)})
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 10, 12)})
	require.NoError(t, log.Close())
	_, recovered := open(t, directory)
	require.Equal(t, append(entries(1, 2, 9), entries(2, 10, 12)...), recovered.Stored.Entries)
}

func TestARecordWithoutEntriesCutsNothing(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, 2, 3)})
	keep(t, log, raft.Record{Term: 7, Vote: 2})
	require.NoError(t, log.Close())
	_, recovered := open(t, directory)
	require.Equal(t, entries(1, 2, 3), recovered.Stored.Entries)
	require.Equal(t, raft.Term(7), recovered.Stored.Term)
}

func TestAReceivedSnapshotReplacesTheLog(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, 2, 90)})
	received := snapshotAt(50, 4)
	keep(t, log, raft.Record{Term: 5, Snapshot: &received, Entries: entries(5, 51, 52)})
	directory.Crash()
	_, recovered := open(t, directory)
	require.Equal(t, received, recovered.Stored.Snapshot)
	require.Equal(t, entries(5, 51, 52), recovered.Stored.Entries, "the old entries behind 50 are of another history")
}

func TestASnapshotOfOnesOwnKeepsWhatIsBehindIt(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, 2, 90)})
	require.NoError(t, log.SaveSnapshot(snapshotAt(60, 1)))
	directory.Crash()
	_, recovered := open(t, directory)
	require.Equal(t, snapshotAt(60, 1), recovered.Stored.Snapshot)
	require.Equal(t, entries(1, 61, 90), recovered.Stored.Entries)
}

// A majority of others may have committed what this member's own slow disk has not
// synced: its snapshot is then ahead of its log, and no less true.
func TestASnapshotMayBeAheadOfTheLog(t *testing.T) {
	directory := newDisk(3)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, 2, 5)})
	require.NoError(t, log.Append(raft.Record{Term: 2, Entries: entries(2, 4, 20)}))
	require.NoError(t, log.SaveSnapshot(snapshotAt(20, 2)))
	directory.Crash() // nothing of the second record was written

	log, recovered := open(t, directory)
	require.Equal(t, snapshotAt(20, 2), recovered.Stored.Snapshot)
	require.Empty(t, recovered.Stored.Entries)
	require.Equal(t, raft.Term(2), recovered.Stored.Term, "the term is at least the snapshot's")
	keep(t, log, raft.Record{Term: 2, Entries: entries(2, 21, 22)})
	directory.Crash()
	_, recovered = open(t, directory)
	require.Equal(t, entries(2, 21, 22), recovered.Stored.Entries)
}

// A snapshot that is ahead of the log was received, and the record that it came with was lost: nothing rests on it, and when it is
// damaged the member stands where it stood before.
func TestADamagedSnapshotAheadOfTheLogIsNotMissed(t *testing.T) {
	directory := newDisk(3)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, 2, 5)})
	require.NoError(t, log.SaveSnapshot(snapshotAt(20, 2)))
	directory.Crash()
	directory.FlipBit("snapshot-0000000000000014", 300)
	_, recovered := open(t, directory)
	require.Equal(t, raft.Index(20), recovered.Damaged.Last)
	require.Equal(t, entries(1, 2, 5), recovered.Stored.Entries)
	require.Nil(t, recovered.Stored.Damage)
}

func TestOldSnapshotsAndSegmentsGo(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 60; index++ {
		keep(t, log, raft.Record{Term: 1, Vote: 1, Entries: entries(1, index, index)})
	}
	before := directory.Used()
	require.NoError(t, log.Release(60))
	require.Equal(t, before, directory.Used(), "no durable snapshot stands for any of it")

	for _, index := range []raft.Index{20, 56, 58} {
		require.NoError(t, log.SaveSnapshot(snapshotAt(index, 1)))
	}
	require.NoError(t, log.Release(58))
	require.Less(t, directory.Used(), int64(4*small+2*disk.SectorSize))
	directory.Crash()

	_, recovered := open(t, directory)
	require.Equal(t, snapshotAt(58, 1), recovered.Stored.Snapshot)
	require.Equal(t, entries(1, 59, 60), recovered.Stored.Entries)
	require.Equal(t, raft.ID(1), recovered.Stored.Vote, "the vote was given in a segment that is gone")
}

// Entries stay until no kept snapshot needs them: if the newest is damaged, the one before it and the log make it good.
func TestWhatTheOlderSnapshotNeedsIsKept(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	for index := raft.Index(2); index <= 60; index++ {
		keep(t, log, raft.Record{Term: 1, Entries: entries(1, index, index)})
		if index%20 == 0 {
			require.NoError(t, log.SaveSnapshot(snapshotAt(index, 1)))
			require.NoError(t, log.Release(index))
		}
	}
	require.NoError(t, log.Close())
	directory.FlipBit("snapshot-000000000000003c", 700)

	_, recovered := open(t, directory)
	require.NotNil(t, recovered.Damaged)
	require.Equal(t, snapshotAt(40, 1), recovered.Stored.Snapshot)
	require.Equal(t, entries(1, 41, 60), recovered.Stored.Entries)
}

// A file that is shorter than it was made, because a copy of the directory stopped half-way, is not a short log.
func TestAFileThatWasCutShortIsDamage(t *testing.T) {
	whole := newDisk(1)
	log := formed(t, whole)
	for index := raft.Index(2); index <= 5; index++ {
		keep(t, log, raft.Record{Term: 1, Entries: entries(1, index, index)})
	}
	require.NoError(t, log.Close())
	image, name := imageOf(t, whole), "0000000000000001.segment"
	for length := len(image[name]) - disk.SectorSize; length >= 0; length -= disk.SectorSize {
		cut := maps.Clone(image)
		cut[name] = image[name][:length]
		_, recovered := open(t, cut.disk(t))
		require.True(t, recovered.Stored.Damage.Doubt, "cut to %d bytes", length)
		require.Equal(t, name, recovered.Damaged.File)
	}
}

// The segment in use knows the term and the vote, but may be unsynced when the segments
// before it, the only others to know them, are released.
func TestReleaseKeepsTheVoteDurable(t *testing.T) {
	for seed := range uint64(20) {
		directory := newDisk(seed)
		log := formed(t, directory)
		keep(t, log, raft.Record{Term: 9, Vote: 2, Entries: entries(1, 2, 3)})
		require.NoError(t, log.SaveSnapshot(snapshotAt(3, 1)))
		for range 10 {
			require.NoError(t, log.Append(raft.Record{Term: 9, Vote: 2}))
		}
		require.NoError(t, log.Release(3))
		directory.Crash()
		_, recovered := open(t, directory)
		require.Equal(t, raft.Term(9), recovered.Stored.Term)
		require.Equal(t, raft.ID(2), recovered.Stored.Vote)
	}
}

func TestARecordLongerThanASegmentGetsOneOfItsOwn(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	long := raft.Entry{Index: 2, Term: 1, Kind: raft.KindCommand, Data: make([]byte, 5*small)}
	keep(t, log, raft.Record{Term: 1, Entries: []raft.Entry{long}})
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, 3, 3)})
	directory.Crash()
	_, recovered := open(t, directory)
	require.Equal(t, append([]raft.Entry{long}, entries(1, 3, 3)...), recovered.Stored.Entries)
}

// What a killed process wrote and never synced is read back from the page cache. Open
// must not speak before it is on the disk: a power loss right after would take it away.
func TestWhatOpenReturnsIsDurable(t *testing.T) {
	for seed := range uint64(20) {
		directory := newDisk(seed)
		log := formed(t, directory)
		directory.FailAt(directory.Operations() + 2) // the write passes, its sync fails
		require.NoError(t, log.Append(raft.Record{Term: 1, Entries: entries(1, 2, 20)}))
		require.ErrorIs(t, log.Sync(), disk.ErrFault)
		directory.Kill()

		_, recovered := open(t, directory)
		require.Equal(t, entries(1, 2, 20), recovered.Stored.Entries, "readable from the cache")
		directory.Crash()
		_, again := open(t, directory)
		require.Equal(t, recovered, again, "seed %d", seed)
	}
}

func TestASnapshotIsSavedWhileRecordsAreAppended(t *testing.T) {
	log, _, err := wal.Open(wal.OS(t.TempDir()), options())
	require.NoError(t, err)
	_, err = log.Form(cluster, membership)
	require.NoError(t, err)
	saved := make(chan error)
	go func() {
		var err error
		for index := raft.Index(2); index < 10 && err == nil; index++ {
			err = log.SaveSnapshot(snapshotAt(index, 1))
		}
		saved <- err
	}()
	for index := raft.Index(2); index < 40; index++ {
		keep(t, log, raft.Record{Term: 1, Entries: entries(1, index, index)})
		require.NoError(t, log.Release(index))
		require.False(t, log.Full())
	}
	require.NoError(t, <-saved)
	require.NoError(t, log.Close())
}

func TestAfterAFailureTheLogRefusesAllWork(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	require.NoError(t, log.Append(raft.Record{Term: 1, Entries: entries(1, 2, 2)}))
	directory.FailAt(directory.Operations() + 2)
	require.ErrorIs(t, log.Sync(), disk.ErrFault)

	require.ErrorIs(t, log.Sync(), disk.ErrFault)
	require.ErrorIs(t, log.Append(raft.Record{Term: 1}), disk.ErrFault)
	require.ErrorIs(t, log.SaveSnapshot(snapshotAt(2, 1)), disk.ErrFault)
	require.ErrorIs(t, log.Release(2), disk.ErrFault)
	require.ErrorIs(t, log.Reserve(), disk.ErrFault)
}

func TestAFullDiskRefusesWholeRecordsAndServiceResumes(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	directory.SetCapacity(directory.Used())
	var kept raft.Index = 1
	var err error
	for err == nil {
		if err = log.Append(raft.Record{Term: 1, Entries: entries(1, kept+1, kept+1)}); err == nil {
			require.NoError(t, log.Sync())
			require.NoError(t, log.Prepare())
			kept++
		}
	}
	require.ErrorIs(t, err, wal.ErrDiskFull)
	require.True(t, log.Full())
	require.ErrorIs(t, log.Reserve(), wal.ErrDiskFull)
	require.ErrorIs(t, log.SaveSnapshot(snapshotAt(2, 1)), wal.ErrDiskFull)
	require.ErrorIs(t, log.Append(raft.Record{Term: 1, Entries: entries(1, kept+1, kept+1)}), wal.ErrDiskFull)

	directory.SetCapacity(0)
	require.NoError(t, log.Reserve())
	require.False(t, log.Full())
	keep(t, log, raft.Record{Term: 1, Entries: entries(1, kept+1, kept+1)})
	directory.Crash()
	_, recovered := open(t, directory)
	require.Equal(t, entries(1, 2, kept+1), recovered.Stored.Entries)
}

func TestFormOnAFullDiskMayBeTriedAgain(t *testing.T) {
	for room := int64(1); room < 3*small; room += disk.SectorSize {
		directory := newDisk(1)
		log, _ := open(t, directory)
		directory.SetCapacity(directory.Used() + room)
		if _, err := log.Form(wal.ClusterID{0xFF}, raft.Membership{}); err == nil {
			continue
		} else {
			require.ErrorIs(t, err, wal.ErrDiskFull)
		}
		require.False(t, log.Identity().Formed())
		directory.SetCapacity(0)
		_, err := log.Form(cluster, membership)
		require.NoError(t, err)
		directory.Crash()
		_, recovered := open(t, directory)
		require.Equal(t, membership, recovered.Stored.Snapshot.Membership)
	}
}

func TestADirectoryOfSomebodyElseIsRefused(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	_, _, err := wal.Open(directory, options())
	require.ErrorIs(t, err, wal.ErrInUse)
	require.NoError(t, log.Close())

	other := options()
	other.Member = 2
	_, _, err = wal.Open(directory, other)
	require.ErrorIs(t, err, wal.ErrWrongMember)

	other = options()
	other.Cluster = wal.ClusterID{0xC2}
	_, _, err = wal.Open(directory, other)
	require.ErrorIs(t, err, wal.ErrWrongCluster)

	other.Cluster = cluster
	_, _, err = wal.Open(directory, other)
	require.NoError(t, err, "refusals give the lock back")
}

func TestALostIdentityIsNotAFreshDirectory(t *testing.T) {
	directory := newDisk(1)
	require.NoError(t, formed(t, directory).Close())
	require.NoError(t, directory.Remove("identity"))
	_, _, err := wal.Open(directory, options())
	var damage *wal.DamageError
	require.ErrorAs(t, err, &damage)
	require.Equal(t, "identity", damage.File)
}

func TestMisusePanics(t *testing.T) {
	directory := newDisk(1)
	log, _ := open(t, directory)
	require.Panics(t, func() { _ = log.Append(raft.Record{Term: 1}) }, "not formed")
	require.Panics(t, func() { _ = log.SaveSnapshot(snapshotAt(2, 1)) }, "not formed")
	_, err := log.Form(cluster, membership)
	require.NoError(t, err)
	require.Panics(t, func() { _, _ = log.Form(cluster, membership) }, "formed twice")
	keep(t, log, raft.Record{Term: 5})
	require.Panics(t, func() { _ = log.Append(raft.Record{Term: 4}) }, "a term falls")
}

// What a restart costs grows with the log, and not with its square.
func TestReadingALogTwiceAsLongTakesTwiceTheRoom(t *testing.T) {
	allocated := func(records int) uint64 {
		directory := wal.OS(t.TempDir())
		options := wal.Options{Member: 1, Incarnation: 7, SegmentSize: 1 << 20}
		l, _, err := wal.Open(directory, options)
		require.NoError(t, err)
		_, err = l.Form(wal.ClusterID{1}, raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 7}}})
		require.NoError(t, err)
		for i := range records {
			require.NoError(t, l.Append(raft.Record{Term: 2, Entries: []raft.Entry{{Index: raft.Index(i + 2), Term: 2, Kind: raft.KindCommand}}}))
		}
		require.NoError(t, l.Sync())
		require.NoError(t, l.Close())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		l, recovered, err := wal.Open(directory, options)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.Len(t, recovered.Stored.Entries, records)
		require.NoError(t, l.Close())
		return after.TotalAlloc - before.TotalAlloc
	}
	require.Less(t, allocated(8000), 6*allocated(2000))
}
