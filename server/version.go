package server

import (
	"fmt"
	"slices"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
)

// ascent is how a leader comes to raise the version in force.
type ascent struct {
	round   uint64        // in which the members are asked for the version that their programs support; zero: they are not being asked
	asked   time.Duration // when
	pending raft.Index    // the Upgrade that was proposed last; zero: it is applied, or there was none
}

func (a *ascent) applied(index raft.Index) {
	if index >= a.pending {
		a.pending = 0
	}
}

// rise proposes the highest version that all members support, if that is above the one in force: voters of both halves of a joint membership, and
// learners. Behind that entry they will be sent what no older program can read.
//
// What a member said counts if it is the answer to a round that this leader began, and no longer ago than an election timeout. An older word may be
// that of a program which was replaced since: a member may be downgraded as long as the version is not in force. One that is replaced
// between its answer and the Upgrade is not lost either: it gets the Upgrade, and stops, as it can't read what comes (unreadable).
func (s *Server) rise() {
	a := &s.ascent
	if !s.leads() || a.pending != 0 || s.full {
		return
	}
	if s.now-a.asked >= s.config.Raft.ElectionTimeout {
		a.round = 0
	}
	switch to := s.common(a.round); {
	case to <= s.machine.Version():
	case a.round == 0:
		a.round, a.asked = s.node.Ask(), s.now
	case s.propose(lockfsm.Upgrade{To: to}, proposal{}) == nil:
		a.pending, a.round = s.calls.proposed[len(s.calls.proposed)-1].index, 0
	}
}

// common is the highest version that everybody supports who belongs to the cluster, as they said in a round or later. Zero: somebody has not said.
func (s *Server) common(round uint64) lockfsm.Version {
	lowest := s.config.Version
	for _, f := range s.node.Followers() {
		if f.Told < round {
			return 0
		}
		lowest = min(lowest, lockfsm.Version(f.Version))
	}
	return lowest
}

// tooOld says which of some learners can never apply what they would vote for. Empty: none, as far as they have said.
func (s *Server) tooOld(learners []raft.ID) string {
	for _, f := range s.node.Followers() {
		if supports := lockfsm.Version(f.Version); supports != 0 && supports < s.machine.Version() && slices.Contains(learners, f.ID) {
			return fmt.Sprintf("member %d: %v", f.ID, &lockfsm.VersionError{Needed: s.machine.Version(), Supported: supports})
		}
	}
	return ""
}

// Outdated says that this node can't go on: it was given, or its disk holds, what only a later program can read. It is the machine's
// business to find out what is meant, and nobody's to guess. Once another program is installed, the node goes on from its disk.
type Outdated struct {
	What string // "entry 7 on this disk", say
	*lockfsm.VersionError
}

func (e *Outdated) Error() string { return fmt.Sprintf("server: %s: %v", e.What, e.VersionError) }

func (e *Outdated) Unwrap() error { return e.VersionError }

// outdated is the error of something that needs a version; nil: this node's program supports it.
func (s *Server) outdated(needed lockfsm.Version, what string, index raft.Index) error {
	if needed <= s.config.Version {
		return nil
	}
	return &Outdated{fmt.Sprintf(what, index), &lockfsm.VersionError{Needed: needed, Supported: s.config.Version}}
}

// unreadable says why a message must not be taken in: it has what this node's program can't read. Were it in the log and acknowledged, it
// would count as held by a member that can never apply it.
func (s *Server) unreadable(message raft.Message) error {
	switch m := message.(type) {
	case *raft.Append:
		return s.unreadableEntries(m.Entries, "entry %d of another member")
	case *raft.Fetched:
		return s.unreadableEntries(m.Entries, "entry %d of another member")
	case *raft.Chunk:
		if m.Offset == 0 {
			return s.outdated(lockfsm.SnapshotNeeds(m.Data), "the snapshot at entry %d of another member", m.Index)
		}
	case *raft.Bequest:
		if m.Offset == 0 {
			return s.outdated(lockfsm.SnapshotNeeds(m.Data), "the snapshot at entry %d of another member", m.Index)
		}
	}
	return nil
}

func (s *Server) unreadableEntries(entries []raft.Entry, what string) error {
	for i := range entries {
		if e := &entries[i]; e.Kind == raft.KindCommand {
			if err := s.outdated(lockfsm.CommandNeeds(e.Data), what, e.Index); err != nil {
				return err
			}
		}
	}
	return nil
}

// unreadableDisk says why this node must not go on from its own disk. A program that was downgraded finds there what it could not have been sent.
func (s *Server) unreadableDisk(stored *raft.Stored) error {
	if err := s.outdated(lockfsm.SnapshotNeeds(stored.Snapshot.Data), "the snapshot at entry %d on this disk", stored.Snapshot.Index); err != nil {
		return err
	}
	runs := [][]raft.Entry{stored.Entries}
	if stored.Damage != nil {
		runs = append(runs, stored.Damage.Behind...)
	}
	for _, run := range runs {
		if err := s.unreadableEntries(run, "entry %d on this disk"); err != nil {
			return err
		}
	}
	return nil
}
