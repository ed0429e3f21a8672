package wal

import (
	"errors"
	"fmt"

	"lockd/raft"
)

// What is wrong with a directory that Open refuses although nothing in it is damaged.
var (
	ErrWrongCluster = errors.New("directory belongs to another cluster")
	ErrWrongMember  = errors.New("directory belongs to another member")
	ErrNewerFormat  = errors.New("directory was written by a newer version")
	ErrRetired      = errors.New("directory is retired: its cluster was recovered as another one")
	ErrUnformed     = errors.New("directory is of no cluster yet")
)

// DamageError says that something which was once durable cannot be read any more. The
// log is not shorter, it is damaged: a node that went on without the lost part, and did not
// know that it is lost, could vote for a leader that lacks what it has promised to keep.
type DamageError struct {
	File   string
	Offset int64 // bytes from the file's beginning
	// First and Last bound the indexes of the entries that may be lost; zero: not known.
	First, Last raft.Index
	Reason      string
}

func (e *DamageError) Error() string {
	text := fmt.Sprintf("%s is damaged at byte %d: %s", e.File, e.Offset, e.Reason)
	switch {
	case e.Last != 0:
		text += fmt.Sprintf(" (entries %d to %d)", e.First, e.Last)
	case e.First != 0:
		text += fmt.Sprintf(" (entries from %d on)", e.First)
	}
	return text
}
