package daemon

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/wal"
)

// rationed is a directory in which files may be made longer only while there is room.
type rationed struct {
	wal.FS
	full atomic.Bool
}

type rationedFile struct {
	wal.File
	directory *rationed
}

func (r *rationed) Create(name string) (wal.File, error) {
	file, err := r.FS.Create(name)
	return rationedFile{file, r}, err
}

func (f rationedFile) Allocate(size int64) error {
	if f.directory.full.Load() {
		return wal.ErrDiskFull
	}
	return f.File.Allocate(size)
}

// await takes from the inbox until an event satisfies the condition.
func awaitEvent(t *testing.T, i *inbox, wanted func(event) bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		taken, _ := i.take(nil)
		for _, e := range taken {
			if wanted(e) {
				return true
			}
		}
		return false
	}, 20*time.Second, time.Millisecond)
}

// rationedDisk is a formed log in such a directory, and the disk that works on it.
func rationedDisk(t *testing.T) (*rationed, *disk) {
	directory := &rationed{FS: wal.OS(t.TempDir())}
	log, _, err := wal.Open(directory, wal.Options{Member: 1, Incarnation: 1, SegmentSize: 16 << 10})
	require.NoError(t, err)
	_, err = log.Form(wal.ClusterID{1}, raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 1}}})
	require.NoError(t, err)
	return directory, newDisk(log, newInbox(), newMeters(), slog.New(slog.DiscardHandler))
}

func TestARecordThatFindsNoRoomIsKeptUntilThereIsSome(t *testing.T) {
	directory, d := rationedDisk(t)
	inbox, log := d.inbox, d.log
	ended := make(chan error)
	go func() { ended <- d.run() }()

	directory.full.Store(true)
	const records = 20 // of 4 KiB each: far more than two segments hold
	for sequence := uint64(1); sequence <= records; sequence++ {
		entry := raft.Entry{Index: raft.Index(sequence + 1), Term: 1, Kind: raft.KindCommand, Data: make([]byte, 4096)}
		d.add(raft.Record{Sequence: sequence, Term: 1, Entries: []raft.Entry{entry}})
	}
	awaitEvent(t, inbox, func(e event) bool { return e == raft.Room{Full: true} })
	require.Less(t, inbox.told, uint64(records))

	directory.full.Store(false)
	awaitEvent(t, inbox, func(e event) bool { return e == raft.Persisted{Sequence: records} })
	close(d.stop)
	require.NoError(t, <-ended)
	require.False(t, d.full)
	require.NoError(t, log.Close())

	again, recovered, err := wal.Open(directory, wal.Options{Member: 1, Incarnation: 1})
	require.NoError(t, err)
	require.Len(t, recovered.Stored.Entries, records)
	require.NoError(t, again.Close())
}

func TestAFullDiskIsToldWhileAVoteCanStillBeKept(t *testing.T) {
	directory, d := rationedDisk(t)
	directory.full.Store(true)
	told := false
	sequence := uint64(0)
	save := func(data int) {
		sequence++
		entry := raft.Entry{Index: raft.Index(sequence + 1), Term: 1, Kind: raft.KindCommand, Data: make([]byte, data)}
		d.add(raft.Record{Sequence: sequence, Term: 1, Entries: []raft.Entry{entry}})
		require.NoError(t, d.save())
		taken, _ := d.inbox.take(nil)
		require.Contains(t, taken, raft.Persisted{Sequence: sequence})
		for _, e := range taken {
			told = told || e == raft.Room{Full: true}
		}
	}
	for !told {
		save(2048)
	}
	save(1)
	require.NoError(t, d.log.Close())
}

func TestAReceivedSnapshotThatFindsNoRoomIsTriedAgain(t *testing.T) {
	directory, d := rationedDisk(t)
	ended := make(chan error)
	go func() { ended <- d.run() }()
	directory.full.Store(true)
	members := raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 1}}}
	d.add(raft.Record{Sequence: 1, Term: 1, Snapshot: &raft.Snapshot{Index: 50, Term: 1, Membership: members, Data: make([]byte, 4096)}})
	awaitEvent(t, d.inbox, func(e event) bool { return e == raft.Room{Full: true} })
	directory.full.Store(false)
	awaitEvent(t, d.inbox, func(e event) bool { return e == raft.Persisted{Sequence: 1} })
	close(d.stop)
	require.NoError(t, <-ended)
	require.NoError(t, d.log.Close())
}

func TestABusyDiskLooksForRoomToo(t *testing.T) {
	directory, d := rationedDisk(t)
	directory.full.Store(true)
	for sequence := uint64(1); !d.full; sequence++ {
		entry := raft.Entry{Index: raft.Index(sequence + 1), Term: 1, Kind: raft.KindCommand, Data: make([]byte, 2048)}
		d.add(raft.Record{Sequence: sequence, Term: 1, Entries: []raft.Entry{entry}})
		require.NoError(t, d.save())
	}
	require.Empty(t, d.pending, "all found room, but the next one may not")
	directory.full.Store(false)

	ended := make(chan error)
	go func() { ended <- d.run() }()
	busy, idle := context.WithCancel(t.Context())
	var waking sync.WaitGroup
	waking.Go(func() {
		for busy.Err() == nil {
			d.signal()
			runtime.Gosched()
		}
	})
	awaitEvent(t, d.inbox, func(e event) bool { return e == raft.Room{Full: false} })
	idle()
	waking.Wait()
	close(d.stop)
	require.NoError(t, <-ended)
	require.NoError(t, d.log.Close())
}

func TestTheLogForgetsWhatAReceivedSnapshotStandsFor(t *testing.T) {
	directory, d := rationedDisk(t)
	segments := func() (n int) {
		names, err := directory.List()
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, ".segment") {
				n++
			}
		}
		return n
	}
	last := raft.Index(1)
	for sequence := uint64(1); segments() < 6; sequence++ {
		last++
		entry := raft.Entry{Index: last, Term: 1, Kind: raft.KindCommand, Data: make([]byte, 4096)}
		d.add(raft.Record{Sequence: sequence, Term: 1, Entries: []raft.Entry{entry}})
		require.NoError(t, d.save())
	}
	members := raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 1}}}
	for range 2 { // the log keeps one snapshot in reserve, and what lies behind that
		last += 50
		d.add(raft.Record{Sequence: uint64(last), Term: 1, Snapshot: &raft.Snapshot{Index: last, Term: 1, Membership: members}})
		require.NoError(t, d.save())
		require.NoError(t, d.save(), "the release is of the next turn")
	}
	require.Less(t, segments(), 6)
	require.NoError(t, d.log.Close())
}
