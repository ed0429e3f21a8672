package wal

import "lockd/raft"

// replay is what the records read so far add up to.
type replay struct {
	term raft.Term
	vote raft.ID
	// first is the index that entries begin with, or would begin with; zero: nothing was
	// said about entries yet, because older segments are released.
	first   raft.Index
	entries []raft.Entry
}

// last is the index of the last entry, or of the one before the first.
func (r *replay) last() raft.Index { return r.first + raft.Index(len(r.entries)) - 1 }

// apply adds a record. It returns a reason if no log can hold that record there.
func (r *replay) apply(content record) (reason string) {
	if content.term < r.term {
		return "a record's term is lower than the one before it"
	}
	r.term, r.vote = content.term, content.vote
	switch content.base.kind {
	case baseReplace:
		r.first, r.entries = content.base.index+1, nil
	case baseUnder:
		// Entries from before may have stood in segments that are released. Whether any
		// are missing is seen in the end, when the log meets the snapshot.
		if r.first != 0 {
			r.forget(content.base.index, content.base.term)
		}
	}
	if len(content.entries) == 0 {
		return ""
	}
	start := content.entries[0].Index
	switch {
	case r.first == 0 || start < r.first:
		r.first, r.entries = start, content.entries
	case start > r.last()+1:
		return "entries are missing before a record"
	default:
		kept := start - r.first
		r.entries = append(r.entries[:kept], content.entries...) // the array is nobody else's
	}
	return ""
}

// forget drops the entries that a snapshot stands for, and the ones behind them if they
// are of another history than the snapshot (Raft figure 13). It reports whether it had to
// begin the log anew. A snapshot older than the first entry changes nothing.
func (r *replay) forget(index raft.Index, term raft.Term) (anew bool) {
	switch {
	case r.first == 0, index > r.last():
		anew = len(r.entries) > 0 || r.first != index+1
		r.first, r.entries = index+1, nil
	case index < r.first:
	case r.entries[index-r.first].Term != term:
		r.first, r.entries, anew = index+1, nil, true
	default:
		r.entries = r.entries[index-r.first+1:]
		r.first = index + 1
	}
	return anew
}
