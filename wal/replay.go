package wal

import (
	"slices"

	"lockd/raft"
)

// replay is what the records read so far add up to.
type replay struct {
	term raft.Term
	vote raft.ID
	// first is the index that entries begin with, or would begin with; zero: nothing was
	// said about entries yet, because older segments are released.
	first   raft.Index
	under   raft.Term // of the entry before the first, as far as a record says it; else zero
	entries []raft.Entry
	// damage is what the log has lost and not got back yet. Nil: nothing.
	damage *raft.Damage
}

// last is the index of the last entry, or of the one before the first.
func (r *replay) last() raft.Index { return r.first + raft.Index(len(r.entries)) - 1 }

// end is the position of the last entry.
func (r *replay) end() raft.Position {
	if n := len(r.entries); n > 0 {
		return positionOf(&r.entries[n-1])
	}
	return raft.Position{Index: r.last(), Term: r.under}
}

// cut removes the entry at an index and all behind it.
func (r *replay) cut(index raft.Index) {
	if len(r.entries) > 0 {
		r.entries = r.entries[:min(max(index, r.first)-r.first, raft.Index(len(r.entries)))]
	}
}

// mend forgets the damage when the log has become whole again, and what was kept from behind it when the log has come by. What
// it means to be whole is argued in raft/doc.go. Where a snapshot reaches over the hole into a run, and they agree on its last entry, the run stays: the
// two are one log (raft/repair.go), and what is behind the snapshot may be readable nowhere else.
func (r *replay) mend() {
	if r.damage == nil {
		return
	}
	left := raft.Damage{End: r.damage.End, Doubt: r.damage.Doubt}
	for _, run := range r.damage.Behind {
		if run[0].Index > r.last() || r.reaches(run) {
			left.Behind = append(left.Behind, run)
		}
	}
	r.damage = &left
	if !left.Doubt && !r.end().Before(left.End) {
		r.damage = nil
	}
}

// reaches tells whether the log ends within a run, at one of its entries, and not at the last one.
func (r *replay) reaches(run []raft.Entry) bool {
	at := r.last() - run[0].Index
	return r.last() >= run[0].Index && int(at) < len(run)-1 && run[at].Term == r.end().Term
}

// detach puts the log over an older snapshot than the one that it began with, or over none: what is between the two is lost. Where the log says
// nothing of entries, nobody knows how far that went.
func (r *replay) detach(snapshot raft.Snapshot) {
	lost := raft.Damage{Doubt: r.damage == nil}
	if r.first > 0 {
		lost.End = r.end()
		lost.Doubt = lost.Doubt && lost.End.Index > 0 && lost.End.Term == 0
	}
	if len(r.entries) > 0 {
		lost.Behind = append(lost.Behind, r.entries)
	}
	if r.damage != nil {
		lost.Behind = append(lost.Behind, r.damage.Behind...)
		if lost.End.Before(r.damage.End) {
			lost.End = r.damage.End
		}
		lost.Doubt = r.damage.Doubt
	}
	r.first, r.under, r.entries, r.damage = snapshot.Index+1, snapshot.Term, nil, &lost
}

// apply adds a record, whose list of entries it does not keep. It returns a reason if no log can hold that record there.
func (r *replay) apply(content record) (reason string) {
	if content.term < r.term {
		return "a record's term is lower than the one before it"
	}
	if r.damage != nil && r.damage.Doubt && content.term > r.term {
		r.damage = &raft.Damage{End: raft.LastWord(r.last(), content.term), Behind: r.damage.Behind}
	}
	r.term, r.vote = content.term, content.vote
	defer r.mend()
	switch content.base.kind {
	case baseAnew, baseDoubt:
		r.damage = &content.damage
		fallthrough
	case baseReplace:
		r.first, r.under, r.entries = content.base.index+1, content.base.term, nil
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
		r.first, r.under, r.entries = start, 0, slices.Clone(content.entries)
	case start > r.last()+1:
		return "entries are missing before a record"
	default:
		kept := r.entries[:start-r.first]
		if len(kept)+len(content.entries) > cap(kept) {
			kept = slices.Grow(kept, len(kept)+len(content.entries)) // twofold: of a long log, append would copy every entry five times
		}
		r.entries = append(kept, content.entries...) // the array is nobody else's
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
		r.first, r.under, r.entries = index+1, term, nil
	case index < r.first:
	case r.entries[index-r.first].Term != term:
		r.first, r.under, r.entries, anew = index+1, term, nil, true
	default:
		r.entries = r.entries[index-r.first+1:]
		r.first, r.under = index+1, term
	}
	r.mend()
	return anew
}
