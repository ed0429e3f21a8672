package wal

import (
	"fmt"
	"slices"

	"lockd/raft"
)

// A snapshot that a scrub finds damaged stays until there is a sound one that is as new: its name tells at least how far the log had
// come, and a log without any snapshot can't be opened.

// has tells whether a snapshot is kept.
func (s *shelf) has(index raft.Index) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Contains(s.indexes, index)
}

// sound returns the snapshots that are not known to be damaged, oldest first.
func (s *shelf) sound() (indexes []raft.Index) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, index := range s.indexes {
		if !s.condemned(index) {
			indexes = append(indexes, index)
		}
	}
	return indexes
}

// reach tells of how much of the log may go: what the oldest snapshot stands for, and if the log before it is of no use, what the
// newest does that is sound. The first is never more than the second.
func (s *shelf) reach() (oldest, newest raft.Index) {
	if sound := s.sound(); len(sound) > 0 {
		newest = sound[len(sound)-1]
	}
	return min(s.oldest(), newest), newest
}

// condemn notes that a snapshot is damaged. It is false if that is not kept any more.
func (s *shelf) condemn(index raft.Index) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !slices.Contains(s.indexes, index) {
		return false
	}
	s.damaged = append(s.damaged, index)
	return true
}

// cure is the index that a snapshot has to reach to take the place of the damaged ones; at least 1, if there is one: a log that has
// joined a cluster begins with a snapshot at zero. Zero: none is damaged.
func (s *shelf) cure() (index raft.Index) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, damaged := range s.damaged {
		index = max(index, damaged, 1)
	}
	return index
}

// condemned is for those who hold the mutex, as all that follows.
func (s *shelf) condemned(index raft.Index) bool { return slices.Contains(s.damaged, index) }

// acquit notes that a damaged snapshot is replaced, or gone.
func (s *shelf) acquit(index raft.Index) {
	s.damaged = slices.DeleteFunc(s.damaged, func(damaged raft.Index) bool { return damaged == index })
	s.rot.healed.Add(1)
}

// discard removes the damaged snapshots, if the newest is sound. They don't come back: what is called replaced is.
func (s *shelf) discard() error {
	if s.condemned(s.indexes[len(s.indexes)-1]) {
		return nil
	}
	for _, index := range slices.Clone(s.damaged) {
		if err := removeDurably(s.directory, snapshotName(index)); err != nil {
			return fmt.Errorf("remove damaged snapshot at index %d: %w", index, err)
		}
		s.indexes = slices.DeleteFunc(s.indexes, func(kept raft.Index) bool { return kept == index })
		s.acquit(index)
	}
	return nil
}
