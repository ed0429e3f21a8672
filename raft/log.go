package raft

import (
	"fmt"
	"sort"
)

// log is what a node has of the replicated log.
//
// Invariants:
//   - the terms and times of entries never fall;
//   - base() <= snapshot.Index: what the snapshot covers may be kept a while for slow followers.
type log struct {
	snapshot Snapshot
	baseTerm Term // of the entry at base()
	entries  blocks
}

func newLog(stored Stored) log {
	l := log{
		snapshot: stored.Snapshot,
		baseTerm: stored.Snapshot.Term,
		entries:  blocksFrom(stored.Snapshot.Index+1, stored.Entries),
	}
	l.check()
	return l
}

// base is the index of the entry before the first one kept.
func (l *log) base() Index { return l.entries.first - 1 }

func (l *log) last() Index { return l.entries.next - 1 }

func (l *log) lastTerm() Term { return l.term(l.last()) }

// term is the term of the entry at index, which must be in base()..last().
func (l *log) term(index Index) Term {
	if index == l.base() {
		return l.baseTerm
	}
	return l.at(index).Term
}

func (l *log) at(index Index) *Entry {
	if index <= l.base() || index > l.last() {
		fail("entry %d is outside of the log %d..%d", index, l.base()+1, l.last())
	}
	return l.entries.at(index)
}

// knows tells whether the term at index can be told.
func (l *log) knows(index Index) bool { return index >= l.base() && index <= l.last() }

// matches tells whether the log has an entry of that term at index.
func (l *log) matches(index Index, term Term) bool { return l.knows(index) && l.term(index) == term }

// slice hands out entries from..to, safe against later appends and cuts.
func (l *log) slice(from, to Index) []Entry {
	if from > to {
		return nil
	}
	return l.entries.slice(from, to)
}

// from is slice for a range that may begin before what is kept.
func (l *log) from(from, to Index) []Entry { return l.slice(max(from, l.base()+1), to) }

// upTo hands out entries from one to another, at least one and at most so many bytes of data.
func (l *log) upTo(from, last Index, bytes int) []Entry {
	to := from
	for size := len(l.at(from).Data); to < last; to++ {
		size += len(l.at(to + 1).Data)
		if size > bytes {
			break
		}
	}
	return l.slice(from, to)
}

func (l *log) append(entries ...Entry) {
	for i := range entries {
		e := &entries[i]
		if e.Index != l.last()+Index(i)+1 {
			fail("entry %d does not follow entry %d", e.Index, l.last()+Index(i))
		}
	}
	if len(entries) > 0 && entries[0].Term < l.lastTerm() {
		fail("the log's term would fall at entry %d", l.last()+1)
	}
	l.entries.append(entries)
}

// cut removes the entry at index and all behind it.
func (l *log) cut(index Index) {
	assert(index > l.snapshot.Index, "a cut at %d would reach into the snapshot at %d", index, l.snapshot.Index)
	l.entries.cut(index)
}

// firstOfTerm is the lowest index known to be of the same term as the entry at index.
func (l *log) firstOfTerm(index Index) Index {
	term := l.term(index)
	return min(l.search(func(e *Entry) bool { return e.Term >= term }), index)
}

// lastOfTerm is the highest index, not above limit, known to be of the term; zero if there is none.
func (l *log) lastOfTerm(term Term, limit Index) Index {
	index := min(l.search(func(e *Entry) bool { return e.Term > term })-1, limit)
	if !l.matches(index, term) {
		return 0
	}
	return index
}

// search is the index of the first entry of which something is true that is true of all behind it; that of the next to come if it is of none.
func (l *log) search(is func(*Entry) bool) Index {
	first := l.base() + 1
	return first + Index(sort.Search(int(l.last()-l.base()), func(i int) bool { return is(l.at(first + Index(i))) }))
}

// compact takes the machine's snapshot and forgets what comes before it, but for the last entries that take no more than keep bytes.
func (l *log) compact(snapshot Snapshot, keep int) {
	l.snapshot = snapshot
	base := snapshot.Index
	for ; base > l.base(); base-- {
		if keep -= cost(l.slice(base, base)); keep < 0 {
			break
		}
	}
	if base == l.base() {
		return
	}
	l.baseTerm = l.term(base)
	l.entries.release(base + 1)
}

// restore replaces everything by the leader's snapshot.
func (l *log) restore(snapshot Snapshot) {
	*l = log{snapshot: snapshot, baseTerm: snapshot.Term, entries: blocksFrom(snapshot.Index+1, nil)}
}

// check is the costly invariant: every entry against its predecessor.
func (l *log) check() {
	term := l.baseTerm
	for index := l.base() + 1; index <= l.last(); index++ {
		e := l.at(index)
		if e.Index != index {
			fail("entry %d follows entry %d", e.Index, index-1)
		}
		if e.Term < term {
			fail("the term falls from %d to %d at entry %d", term, e.Term, e.Index)
		}
		if index > l.base()+1 && e.Time < l.at(index-1).Time {
			fail("cluster time falls at entry %d", e.Index)
		}
		term = e.Term
	}
	assert(l.base() <= l.snapshot.Index, "entries begin at %d, behind the snapshot at %d", l.base()+1, l.snapshot.Index)
	assert(l.last() >= l.snapshot.Index, "the log ends at %d, before the snapshot at %d", l.last(), l.snapshot.Index)
}

// assert stops a node that is no longer sure of its own invariants: going on could only spread the damage.
func assert(holds bool, sentence string, args ...any) {
	if !holds {
		fail(sentence, args...)
	}
}

// fail is an assertion that does not hold. Where each step or entry passes, an if before it stands for
// assert, which would put its arguments on the heap even when it holds.
func fail(sentence string, args ...any) {
	panic("raft: " + fmt.Sprintf(sentence, args...))
}
