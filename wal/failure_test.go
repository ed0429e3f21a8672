package wal_test

import (
	"errors"
	"fmt"
	"testing"

	"lockd/raft"
	"lockd/sim/disk"
	"lockd/wal"

	"github.com/stretchr/testify/require"
)

// step is one thing done to a log.
type step func(*history, *wal.Log) error

func appending(records ...raft.Record) step {
	return func(h *history, log *wal.Log) error {
		for _, record := range records {
			if err := h.append(log, record); err != nil {
				return err
			}
		}
		return nil
	}
}

func syncing(h *history, log *wal.Log) error { return h.sync(log) }

func saving(index raft.Index, term raft.Term) step {
	return func(h *history, log *wal.Log) error { return h.save(log, snapshotAt(index, term)) }
}

func releasing(index raft.Index) step {
	return func(_ *history, log *wal.Log) error { return log.Release(index) }
}

// life is a log's whole life in short: it is formed, votes, appends one by one and in
// groups, is cut, rolls over segments, saves, releases, and receives a snapshot.
func life() []step {
	received := snapshotAt(50, 6)
	return []step{
		func(h *history, log *wal.Log) error { return h.form(log) },
		appending(raft.Record{Term: 2, Vote: 1}), syncing,
		appending(raft.Record{Term: 2, Vote: 1, Entries: entries(2, 2, 3)}), syncing,
		appending(
			raft.Record{Term: 2, Vote: 1, Entries: entries(2, 4, 25)},
			raft.Record{Term: 2, Vote: 1, Entries: entries(2, 26, 27)},
			raft.Record{Term: 3, Vote: 2},
		), syncing,
		appending(raft.Record{Term: 3, Vote: 2, Entries: entries(3, 20, 22)}), // a cut
		saving(15, 2),
		syncing,
		appending(raft.Record{Term: 3, Vote: 2, Entries: entries(3, 23, 60)}), syncing, // rolls
		releasing(15),
		saving(40, 3),
		releasing(40),
		appending(raft.Record{Term: 4, Vote: 2}), syncing,
		appending(raft.Record{Term: 6, Snapshot: &received, Entries: entries(6, 51, 52)}),
		appending(raft.Record{Term: 6, Entries: entries(6, 53, 53)}), syncing,
		saving(52, 6),
		releasing(52),
		appending(raft.Record{Term: 7, Vote: 1, Entries: entries(6, 54, 80)}), syncing,
		appending(raft.Record{Term: 7, Vote: 1, Entries: entries(7, 70, 71)}), syncing,
		saving(71, 7),
		releasing(71),
	}
}

// live opens the log and lives until something fails.
func live(h *history, directory wal.FS) error {
	log, _, err := wal.Open(directory, options())
	if err != nil {
		return err
	}
	for _, step := range life() {
		if err := step(h, log); err != nil {
			return err
		}
	}
	return nil
}

// operations is how many operations a life without failures takes.
func operations(t *testing.T) int {
	directory := newDisk(1)
	require.NoError(t, live(newHistory(), directory))
	t.Logf("%d operations", directory.Operations())
	return directory.Operations()
}

// survives lets a log live until one operation fails, ends the process or the power, opens
// it again and compares, loses power and compares again. The first opening may be cut
// short; if it is not, then the second must find the same.
func survives(seed uint64, fail func(*disk.Disk), end func(*disk.Disk)) error {
	directory := newDisk(seed)
	h := newHistory()
	fail(directory)
	_ = live(h, directory) // the failure is what we came for; what was acknowledged stands in h
	end(directory)

	if halt := int(seed % 16); halt > 0 {
		directory.HaltAt(directory.Operations() + halt)
	}
	_, first, err := wal.Open(directory, options())
	if err == nil {
		if err := h.check(first); err != nil {
			return err
		}
		h.goOn(first)
	} else if !errors.Is(err, disk.ErrHalted) {
		return err
	}
	directory.Crash()
	_, recovered, err := wal.Open(directory, options())
	if err != nil {
		return err
	}
	return h.check(recovered)
}

// everyWay calls try for each operation of a life, failing or halting there, with the
// process or the power gone after it.
func everyWay(t *testing.T, seeds uint64, try func(seed uint64, fail, end func(*disk.Disk)) error) (failures []error) {
	last := operations(t)
	for n := 1; n <= last+1; n++ {
		for _, end := range []func(*disk.Disk){(*disk.Disk).Crash, (*disk.Disk).Kill} {
			for _, fail := range []func(*disk.Disk, int){(*disk.Disk).FailAt, (*disk.Disk).HaltAt} {
				for seed := range seeds {
					err := try(seed*1000+uint64(n), func(d *disk.Disk) { fail(d, n) }, end)
					if err != nil {
						failures = append(failures, fmt.Errorf("operation %d, seed %d: %w", n, seed, err))
					}
				}
			}
		}
	}
	return failures
}

func TestNothingAcknowledgedIsLostWhicheverOperationFails(t *testing.T) {
	require.Empty(t, everyWay(t, 4, survives))
}

// forgetful is a disk whose files are never synced.
type forgetful struct{ wal.FS }

type neverSynced struct{ wal.File }

func (neverSynced) Sync() error { return nil }

func (f forgetful) Create(name string) (wal.File, error) { return f.forget(f.FS.Create(name)) }

func (f forgetful) Open(name string) (wal.File, error) { return f.forget(f.FS.Open(name)) }

func (f forgetful) forget(file wal.File, err error) (wal.File, error) {
	if err != nil {
		return nil, err
	}
	return neverSynced{file}, nil
}

// The test above proves something only if it can fail.
func TestALogThatSkipsItsSyncsIsCaught(t *testing.T) {
	caught := 0
	for seed := range uint64(20) {
		directory := newDisk(seed)
		h := newHistory()
		require.NoError(t, live(h, forgetful{directory}))
		directory.Crash()
		_, recovered, err := wal.Open(directory, options())
		if err != nil || recovered.Damaged != nil || h.check(recovered) != nil {
			caught++
		}
	}
	require.Equal(t, 20, caught)
}
