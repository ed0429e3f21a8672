package wal_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/sim/disk"
	"lockd/wal"
)

// restful is a log with several sealed segments and two snapshots, in use, and how far it goes.
func restful(t testing.TB, directory wal.FS) (*wal.Log, raft.Index) {
	log := formed(t, directory)
	for index := raft.Index(2); index <= 30; index++ {
		keep(t, log, raft.Record{Term: 1, Vote: 1, Entries: entries(1, index, index)})
	}
	require.NoError(t, log.SaveSnapshot(snapshotAt(4, 1)))
	large := snapshotAt(6, 1)
	large.Data = slices.Repeat([]byte("state"), 50_000)
	require.NoError(t, log.SaveSnapshot(large))
	require.NoError(t, log.Release(6))
	return log, 30
}

// pass reads everything once, and returns what was damaged.
func pass(t testing.TB, scrub *wal.Scrub) (damages []*wal.DamageError) {
	t.Helper()
	for {
		over, err := scrub.Step()
		if err != nil {
			var damage *wal.DamageError
			require.ErrorAs(t, err, &damage)
			damages = append(damages, damage)
		}
		if over {
			return damages
		}
	}
}

// resting are the names of the files that a scrub reads: all snapshots, and the segments before the last two, of which one is in use and one is next.
func resting(t testing.TB, directory *disk.Disk) (names []string) {
	all, err := directory.List()
	require.NoError(t, err)
	var segments []string
	for _, name := range all {
		switch {
		case strings.HasPrefix(name, "snapshot-"):
			names = append(names, name)
		case strings.HasSuffix(name, ".segment"):
			segments = append(segments, name)
		}
	}
	return append(names, segments[:len(segments)-2]...)
}

func TestAScrubFindsNothingInASoundLog(t *testing.T) {
	directory := newDisk(1)
	log, last := restful(t, directory)
	scrub := log.Scrub()
	require.Empty(t, pass(t, scrub))
	require.NoError(t, log.Close())
	log, _ = open(t, directory)
	keep(t, log, raft.Record{Term: 1, Vote: 1, Entries: entries(1, last+1, last+9)})
	scrub = log.Scrub()
	require.Empty(t, pass(t, scrub), "after a restart")
	require.Empty(t, pass(t, scrub), "and again")
	require.Zero(t, log.Cure())
}

// Whichever bit of a file at rest turns over, a pass names the file, once. A snapshot at the log's end replaces it, and what is on the disk is
// sound: the next start finds nothing damaged.
func TestAnyFlippedBitAtRestIsFoundAndReplaced(t *testing.T) {
	for _, place := range []float64{0, 0.01, 0.3, 0.6, 0.999} {
		directory := newDisk(1)
		_, _ = restful(t, directory)
		for i, name := range resting(t, directory) {
			t.Run(fmt.Sprint(name, place), func(t *testing.T) {
				directory := newDisk(1)
				log, last := restful(t, directory)
				scrub := log.Scrub()
				directory.FlipBit(name, int64(place*8*float64(directory.Size(name)))+int64(i)%8)
				damages := pass(t, scrub)
				require.Len(t, damages, 1)
				require.Equal(t, name, damages[0].File)
				require.Empty(t, pass(t, scrub), "it is told once")
				require.LessOrEqual(t, log.Cure(), last)

				require.NoError(t, log.SaveSnapshot(snapshotAt(max(log.Cure(), 7), 1)))
				require.NoError(t, log.Release(max(log.Cure(), 7)))
				require.Zero(t, log.Cure())
				found, healed := log.Rot()
				require.EqualValues(t, []uint64{1, 1}, []uint64{found, healed})
				require.Empty(t, pass(t, scrub))
				require.NoError(t, log.Close())
				_, recovered := open(t, directory)
				require.Nil(t, recovered.Damaged)
				require.Nil(t, recovered.Stored.Damage)
				require.Equal(t, last, recovered.Stored.Snapshot.Index+raft.Index(len(recovered.Stored.Entries)))
			})
		}
	}
}

// A write that went to a wrong place reads as it should from the system's memory. The scrub reads from the device.
func TestAScrubFindsAWriteThatWentAstray(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Vote: 1, Entries: entries(1, 2, 2)})
	directory.Misdirect(rand.New(rand.NewPCG(1, 1)))
	for index := raft.Index(3); index <= 20; index++ {
		keep(t, log, raft.Record{Term: 1, Vote: 1, Entries: entries(1, index, index)})
	}
	require.NotEmpty(t, directory.Astray())
	damages := pass(t, log.Scrub())
	require.NotEmpty(t, damages)
	require.Equal(t, directory.Astray()[0], damages[0].File)
}

// The damaged file stays until the snapshot that replaces it is durable, and one that does not reach it replaces nothing.
func TestWhatIsDamagedStaysUntilItIsReplaced(t *testing.T) {
	directory := newDisk(1)
	log, _ := restful(t, directory)
	segment := slices.DeleteFunc(resting(t, directory), func(name string) bool { return strings.HasPrefix(name, "snapshot-") })[2]
	directory.FlipBit(segment, 1000)
	damages := pass(t, log.Scrub())
	require.Len(t, damages, 1)
	cure := log.Cure()
	require.Equal(t, damages[0].Last, cure)

	require.NoError(t, log.SaveSnapshot(snapshotAt(cure-1, 1)))
	require.NoError(t, log.Release(30))
	require.NotZero(t, directory.Size(segment))
	require.NoError(t, log.SaveSnapshot(snapshotAt(cure, 1)))
	require.NoError(t, log.Release(30))
	require.Zero(t, directory.Size(segment))
	require.Zero(t, log.Cure())
}

// Nothing has happened since the newest snapshot was taken, and it rots: the same state is written again, and the older one stays.
func TestADamagedNewestSnapshotIsWrittenAgain(t *testing.T) {
	directory := newDisk(1)
	log := formed(t, directory)
	keep(t, log, raft.Record{Term: 1, Vote: 1, Entries: entries(1, 2, 9)})
	require.NoError(t, log.SaveSnapshot(snapshotAt(9, 1)))
	directory.FlipBit("snapshot-0000000000000009", 300)
	require.Len(t, pass(t, log.Scrub()), 1)
	require.EqualValues(t, 9, log.Cure())
	require.NoError(t, log.SaveSnapshot(snapshotAt(8, 1)))
	require.EqualValues(t, 9, log.Cure(), "an older one is no cure")
	require.NoError(t, log.SaveSnapshot(snapshotAt(9, 1)))
	require.Zero(t, log.Cure())
	require.NotZero(t, directory.Size("snapshot-0000000000000001"))
	directory.Crash()
	_, recovered := open(t, directory)
	require.Nil(t, recovered.Damaged)
	require.Equal(t, snapshotAt(9, 1), recovered.Stored.Snapshot)
}

// Files go in the middle of a pass. That is no damage, not even if they had rotted.
func TestWhatGoesDuringAPassIsNoDamage(t *testing.T) {
	for steps := range 12 {
		directory := newDisk(1)
		log, last := restful(t, directory)
		scrub := log.Scrub()
		for range steps {
			_, err := scrub.Step()
			require.NoError(t, err)
		}
		for _, name := range resting(t, directory) {
			directory.FlipBit(name, 1)
		}
		require.NoError(t, log.SaveSnapshot(snapshotAt(last-1, 1)))
		require.NoError(t, log.SaveSnapshot(snapshotAt(last, 1)))
		require.NoError(t, log.Release(last))
		if steps > 0 {
			require.Empty(t, pass(t, scrub))
		}
		require.Empty(t, pass(t, scrub))
	}
}

// A damaged log has begun anew: what is left of the old one is known to be damaged, and not read again, after any number of restarts.
func TestAScrubLeavesAloneWhatTheLogHasBegunAnewWithout(t *testing.T) {
	directory := newDisk(1)
	log, _ := restful(t, directory)
	directory.FlipBit(resting(t, directory)[3], 5000)
	require.NoError(t, log.Close())
	for range 2 {
		log, recovered := open(t, directory)
		require.NotNil(t, recovered.Stored.Damage)
		require.Empty(t, pass(t, log.Scrub()))
		require.NoError(t, log.Close())
	}
}

// A damaged snapshot that was replaced does not come back with a loss of power, as a file may whose removal was not synced.
func TestWhatWasReplacedDoesNotComeBack(t *testing.T) {
	for seed := range uint64(20) {
		directory := newDisk(seed)
		log := formed(t, directory)
		keep(t, log, raft.Record{Term: 1, Vote: 1, Entries: entries(1, 2, 9)})
		directory.FlipBit("snapshot-0000000000000001", 300)
		require.Len(t, pass(t, log.Scrub()), 1)
		require.NoError(t, log.SaveSnapshot(snapshotAt(9, 1)))
		require.Zero(t, log.Cure())
		directory.Crash()
		log, _ = open(t, directory)
		require.Empty(t, pass(t, log.Scrub()))
	}
}

// A node that has joined has a snapshot at zero, of nothing.
func TestTheSnapshotOfAJoinedLogIsReplacedToo(t *testing.T) {
	directory := newDisk(1)
	log, _ := open(t, directory)
	_, err := log.Join(cluster)
	require.NoError(t, err)
	directory.FlipBit("snapshot-0000000000000000", 1)
	require.Len(t, pass(t, log.Scrub()), 1)
	require.EqualValues(t, 1, log.Cure())
	require.NoError(t, log.SaveSnapshot(snapshotAt(1, 1)))
	require.Zero(t, log.Cure())
	require.Zero(t, directory.Size("snapshot-0000000000000000"))
}
