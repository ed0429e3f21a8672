package wal_test

import (
	"errors"
	"testing"

	"lockd/raft"
	"lockd/sim/disk"
	"lockd/wal"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// machine drives a log and its history with random steps, through any number of
// failures, kills and losses of power.
type machine struct {
	directory *disk.Disk
	log       *wal.Log
	history   *history
}

func (m *machine) reopen(t *rapid.T) {
	m.directory.SetCapacity(0)
	log, recovered, err := wal.Open(m.directory, options())
	require.NoError(t, err)
	require.NoError(t, m.history.check(recovered))
	m.history.goOn(recovered)
	m.log = log
	if !recovered.Identity.Formed() {
		require.NoError(t, m.history.form(log))
	}
}

// tolerate lets a failed step end in a crash, which is where the history is compared.
func (m *machine) tolerate(t *rapid.T, err error) {
	if err == nil {
		return
	}
	require.ErrorIs(t, err, disk.ErrFault)
	m.end(t)
}

func (m *machine) end(t *rapid.T) {
	if rapid.Bool().Draw(t, "power is lost") {
		m.directory.Crash()
	} else {
		m.directory.Kill()
	}
	m.reopen(t)
}

// append tries a record that finds no room again, once there is some.
func (m *machine) append(t *rapid.T, record raft.Record) {
	err := m.history.append(m.log, record)
	if errors.Is(err, wal.ErrDiskFull) {
		m.directory.SetCapacity(0)
		if err = m.log.Reserve(); err == nil {
			require.False(t, m.log.Full())
			err = m.history.append(m.log, record)
		}
	}
	m.tolerate(t, err)
}

func (m *machine) record(t *rapid.T) raft.Record {
	now := m.history.now()
	record := raft.Record{
		Term: now.term + raft.Term(rapid.IntRange(0, 1).Draw(t, "later term")),
		Vote: raft.ID(rapid.IntRange(0, 3).Draw(t, "vote")),
	}
	count := raft.Index(rapid.IntRange(0, 30).Draw(t, "entries"))
	// Nothing that a snapshot stands for is ever cut.
	fixed := max(now.base, m.history.snapshots[len(m.history.snapshots)-1].Index)
	if fixed <= now.last() && count > 0 {
		first := raft.Index(rapid.IntRange(int(fixed), int(now.last())).Draw(t, "behind")) + 1
		record.Entries = entries(record.Term, first, first+count-1)
	}
	return record
}

func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"append": func(t *rapid.T) { m.append(t, m.record(t)) },
		"sync":   func(t *rapid.T) { m.tolerate(t, m.history.sync(m.log)) },
		"receive a snapshot": func(t *rapid.T) {
			now := m.history.now()
			received := snapshotAt(now.last()+raft.Index(rapid.IntRange(1, 9).Draw(t, "beyond")), now.term)
			m.append(t, raft.Record{Term: now.term, Vote: now.vote, Snapshot: &received})
		},
		"save a snapshot": func(t *rapid.T) {
			now := m.history.now()
			newest := max(now.base, m.history.snapshots[len(m.history.snapshots)-1].Index)
			if newest >= now.last() {
				return
			}
			index := raft.Index(rapid.IntRange(int(newest)+1, int(now.last())).Draw(t, "index"))
			term := now.entries[index-now.base-1].Term
			if err := m.history.save(m.log, snapshotAt(index, term)); !errors.Is(err, wal.ErrDiskFull) {
				m.tolerate(t, err)
			}
		},
		"release": func(t *rapid.T) { m.tolerate(t, m.log.Release(m.history.now().last())) },
		"end":     m.end,
		"the disk is full": func(t *rapid.T) {
			m.directory.SetCapacity(m.directory.Used() + rapid.Int64Range(1, 2*small).Draw(t, "room"))
		},
		"a failure comes": func(t *rapid.T) {
			m.directory.FailAt(m.directory.Operations() + rapid.IntRange(1, 10).Draw(t, "in"))
		},
	}
}

func TestTheLogIsItsHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{directory: newDisk(rapid.Uint64().Draw(t, "seed")), history: newHistory()}
		m.reopen(t)
		t.Repeat(m.actions())
		m.end(t)
	})
}
