package wal

import "lockd/raft"

// claim is what a log that began anew must be taken to have held, as long as it has not come by as much (raft.Damage). Until then the segments from
// before stay as they are: what can be read of them may be all that there is. No opening reads them, so afterwards nobody needs them, whatever they held.
type claim struct {
	end   raft.Position
	doubt bool
}

// claimOf is that of what was read. Nil: the log is whole.
func claimOf(damage *raft.Damage) *claim {
	if damage == nil {
		return nil
	}
	return &claim{end: damage.End, doubt: damage.Doubt}
}

// settle takes a record that is appended into account, as replay.apply does when it is read: the first one of a higher term ends a doubt, and is the claim
// from then on, of a term in which there are no entries.
func (l *Log) settle(r record) {
	if l.claim == nil {
		return
	}
	if l.claim.doubt && r.term > l.term {
		l.claim = &claim{end: raft.Position{Index: ^raft.Index(0), Term: r.term}}
	}
	end := raft.Position{Index: r.base.index, Term: r.base.term}
	if n := len(r.entries); n > 0 {
		end = positionOf(&r.entries[n-1])
	}
	if !l.claim.doubt && !end.Before(l.claim.end) {
		l.claim = nil
	}
}

// left tells whether a segment is from before the log began anew, and the log has come by what was lost.
func (l *Log) left(s *segment) bool { return s.number < l.first && l.claim == nil }

// binds tells whether a segment holds a claim that still stands, or is from before it. It stays, whatever snapshots there are: a claim that comes of a doubt
// is of no index, and a log that is opened without its claim would be taken for a whole one.
func (l *Log) binds(s *segment) bool { return s.number <= l.first && l.claim != nil }
