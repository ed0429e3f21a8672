package sim

import (
	"fmt"
	"slices"

	"lockd/raft"
)

// shadow is what a member's disk must hold: the last promise, and the term of each entry behind base.
type shadow struct {
	term  raft.Term
	vote  raft.ID
	base  raft.Index
	under raft.Term // of the entry at base
	terms []raft.Term
}

// last is the index of the last entry.
func (s *shadow) last() raft.Index { return s.base + raft.Index(len(s.terms)) }

// end is where the log ends.
func (s *shadow) end() raft.Position {
	if len(s.terms) == 0 {
		return raft.Position{Index: s.base, Term: s.under}
	}
	return raft.Position{Index: s.last(), Term: s.terms[len(s.terms)-1]}
}

func (s *shadow) clone() shadow {
	c := *s
	c.terms = slices.Clone(s.terms)
	return c
}

// lowest is the end that the log had at least, whichever of the records on their way got to the disk, as many as came first.
func (s *shadow) lowest(pending []raft.Record) raft.Position {
	held := s.clone()
	end := held.end()
	for i := range pending {
		held.write(&pending[i])
		if now := held.end(); now.Before(end) {
			end = now
		}
	}
	return end
}

// has tells whether an entry is there, or was before a snapshot took its place.
func (s *shadow) has(index raft.Index, term raft.Term) bool {
	return index <= s.base || index <= s.last() && s.terms[index-s.base-1] == term
}

// write does to the shadow what a record does to the disk.
func (s *shadow) write(r *raft.Record) {
	s.term, s.vote = r.Term, r.Vote
	if r.Snapshot != nil {
		s.base, s.under, s.terms = r.Snapshot.Index, r.Snapshot.Term, s.terms[:0]
	}
	if len(r.Entries) == 0 {
		return
	}
	s.terms = s.terms[:r.Entries[0].Index-s.base-1]
	for i := range r.Entries {
		s.terms = append(s.terms, r.Entries[i].Term)
	}
}

// lie does to the shadow what a snapshot does to the disk whose record has not got through: it lies under what there is, as far as
// that is of its history.
func (s *shadow) lie(snapshot *raft.Snapshot) {
	if snapshot.Index <= s.base {
		return
	}
	if s.has(snapshot.Index, snapshot.Term) {
		s.terms = s.terms[snapshot.Index-s.base:]
	} else {
		s.terms = nil
	}
	s.base, s.under = snapshot.Index, snapshot.Term
	if snapshot.Term > s.term {
		s.term, s.vote = snapshot.Term, 0
	}
}

// is tells whether a disk with just this was recovered. Either may have its entries under a snapshot further than the other.
func (s *shadow) is(stored *raft.Stored) bool {
	under := stored.Snapshot.Index
	if stored.Term != s.term || stored.Vote != s.vote || under+raft.Index(len(stored.Entries)) != s.last() {
		return false
	}
	for index := max(s.base, under) + 1; index <= s.last(); index++ {
		if stored.Entries[index-under-1].Term != s.terms[index-s.base-1] {
			return false
		}
	}
	return s.has(under, stored.Snapshot.Term)
}

// explains tells whether what was recovered is what the disk held and those of the records on their way that came first, however
// many, and nothing else: nothing that had been cut, nothing of an older life, nothing behind a record that is not there. A snapshot that
// was received reaches the disk before the records that it comes with, and before all that wait there.
func (s *shadow) explains(stored *raft.Stored, pending []raft.Record) bool {
	held := s.clone()
	for first := range len(pending) + 1 {
		if held.is(stored) {
			return true
		}
		for i := first; i < len(pending); i++ {
			if snapshot := pending[i].Snapshot; snapshot != nil {
				ahead := held
				if ahead.lie(snapshot); ahead.is(stored) {
					return true
				}
			}
		}
		if first < len(pending) {
			held.write(&pending[first])
		}
	}
	return false
}

// adopt takes what was recovered for what the disk holds.
func (s *shadow) adopt(stored *raft.Stored) {
	s.term, s.vote, s.terms = stored.Term, stored.Vote, s.terms[:0]
	s.base, s.under = stored.Snapshot.Index, stored.Snapshot.Term
	for i := range stored.Entries {
		s.terms = append(s.terms, stored.Entries[i].Term)
	}
}

// forgotten says which promise was not recovered; empty: none.
func (s *shadow) forgotten(stored *raft.Stored) string {
	if stored.Term < s.term {
		return fmt.Sprintf("term %d, and finds term %d", s.term, stored.Term)
	}
	if stored.Term == s.term && s.vote != 0 && stored.Vote != s.vote {
		return fmt.Sprintf("the vote for %d in term %d, and finds one for %d", s.vote, s.term, stored.Vote)
	}
	return ""
}

// missing says what of the shadow was not recovered; empty: nothing. Records that were on their way may have got to the
// disk as well, as many of them as came first, and then what they overwrote is rightly gone.
func (s *shadow) missing(stored *raft.Stored, pending []raft.Record) string {
	if lost := s.forgotten(stored); lost != "" {
		return lost
	}
	kept := s.last()
	for i := range pending {
		if snapshot := pending[i].Snapshot; snapshot != nil {
			if stored.Snapshot.Index >= snapshot.Index {
				return ""
			}
			break // it has not got through, and so nothing behind it has
		}
		if len(pending[i].Entries) > 0 {
			kept = min(kept, pending[i].Entries[0].Index-1)
		}
	}
	if last := stored.Snapshot.Index + raft.Index(len(stored.Entries)); last < s.base {
		return fmt.Sprintf("the snapshot at entry %d, and finds a log up to entry %d", s.base, last)
	}
	for index := max(s.base, stored.Snapshot.Index) + 1; index <= kept; index++ {
		at := int(index - stored.Snapshot.Index - 1)
		if at >= len(stored.Entries) || stored.Entries[at].Term != s.terms[index-s.base-1] {
			return fmt.Sprintf("entry %d of term %d", index, s.terms[index-s.base-1])
		}
	}
	return ""
}
