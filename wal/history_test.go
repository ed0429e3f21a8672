package wal_test

import (
	"errors"
	"fmt"
	"reflect"

	"lockd/raft"
	"lockd/wal"
)

// state is what a log must hold, kept in the dumbest way.
type state struct {
	term    raft.Term
	vote    raft.ID
	base    raft.Index // of the snapshot under the entries
	entries []raft.Entry
}

func (s state) last() raft.Index { return s.base + raft.Index(len(s.entries)) }

func (s state) append(record raft.Record) state {
	s.term, s.vote = record.Term, record.Vote
	if record.Snapshot != nil {
		s.base, s.entries = record.Snapshot.Index, nil
	}
	if len(record.Entries) > 0 {
		kept := record.Entries[0].Index - s.base - 1
		s.entries = append(s.entries[:kept:kept], record.Entries...)
	}
	return s
}

// under is the state with a durable snapshot in place of what it stands for.
func (s state) under(snapshot raft.Snapshot) state {
	if snapshot.Index <= s.base {
		return s
	}
	if snapshot.Term > s.term {
		s.term, s.vote = snapshot.Term, 0
	}
	covered := snapshot.Index - s.base
	if int(covered) <= len(s.entries) && s.entries[covered-1].Term == snapshot.Term {
		s.entries = s.entries[covered:]
	} else {
		s.entries = nil
	}
	s.base = snapshot.Index
	return s
}

func (s state) equal(stored raft.Stored) bool {
	if stored.Damage != nil || s.term != stored.Term || s.vote != stored.Vote || s.base != stored.Snapshot.Index {
		return false
	}
	return len(s.entries) == len(stored.Entries) &&
		(len(s.entries) == 0 || reflect.DeepEqual(s.entries, stored.Entries))
}

// history is what was asked of a log and what it acknowledged.
type history struct {
	formed    bool // acknowledged
	states    []state
	synced    int // index of the newest state that was acknowledged
	snapshots []raft.Snapshot
	saved     int // index of the newest snapshot that was acknowledged
}

func newHistory() *history {
	first := raft.Snapshot{Index: 1, Term: 1, Membership: membership}
	return &history{states: []state{{term: 1, base: 1}}, snapshots: []raft.Snapshot{first}}
}

func (h *history) now() state { return h.states[len(h.states)-1] }

func (h *history) form(log *wal.Log) error {
	_, err := log.Form(cluster, membership)
	h.formed = err == nil
	return err
}

// append and save take back what found no room: nothing of it may be there.
func (h *history) append(log *wal.Log, record raft.Record) error {
	before := *h
	h.states = append(h.states, h.now().append(record))
	if record.Snapshot != nil {
		h.snapshots = append(h.snapshots, *record.Snapshot)
	}
	err := log.Append(record)
	if errors.Is(err, wal.ErrDiskFull) {
		*h = before
	} else if err == nil && record.Snapshot != nil {
		h.saved = len(h.snapshots) - 1
	}
	return err
}

func (h *history) sync(log *wal.Log) error {
	err := log.Sync()
	if err == nil {
		h.synced = len(h.states) - 1
		err = log.Prepare()
	}
	return err
}

func (h *history) save(log *wal.Log, snapshot raft.Snapshot) error {
	before := *h
	h.snapshots = append(h.snapshots, snapshot)
	err := log.SaveSnapshot(snapshot)
	if errors.Is(err, wal.ErrDiskFull) {
		*h = before
	} else if err == nil {
		h.saved = len(h.snapshots) - 1
	}
	return err
}

// check says what is wrong with what was recovered. It may be any state from the last
// acknowledged one on, over any snapshot from the last acknowledged one on, and nothing else.
func (h *history) check(recovered wal.Recovered) error {
	if !recovered.Identity.Formed() {
		if h.formed {
			return fmt.Errorf("the cluster was formed, and is not any more")
		}
		return nil
	}
	for _, snapshot := range h.snapshots[h.saved:] {
		if !reflect.DeepEqual(snapshot, recovered.Stored.Snapshot) {
			continue
		}
		for _, candidate := range h.states[h.synced:] {
			if candidate.under(snapshot).equal(recovered.Stored) {
				return nil
			}
		}
	}
	return fmt.Errorf("recovered term %d, vote %d, snapshot %d and %d entries, which is none of the states that may be; acknowledged was %+v over snapshot %d",
		recovered.Stored.Term, recovered.Stored.Vote, recovered.Stored.Snapshot.Index, len(recovered.Stored.Entries),
		h.states[h.synced], h.snapshots[h.saved].Index)
}

// goOn makes what was recovered the new beginning: all of it is durable now.
func (h *history) goOn(recovered wal.Recovered) {
	stored := recovered.Stored
	if !recovered.Identity.Formed() {
		*h = *newHistory()
		return
	}
	h.formed = true
	h.states = []state{{term: stored.Term, vote: stored.Vote, base: stored.Snapshot.Index, entries: stored.Entries}}
	h.snapshots = []raft.Snapshot{stored.Snapshot}
	h.synced, h.saved = 0, 0
}
