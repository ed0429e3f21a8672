package raft

import (
	"fmt"
	"slices"
	"sort"
)

// log is what a node has of the replicated log.
//
// Invariants:
//   - entries are contiguous and begin at base+1;
//   - their terms and times never fall;
//   - base <= snapshot.Index: what the snapshot covers may be kept a while for slow followers;
//   - an entry handed out is never overwritten in place: messages and records share the array.
type log struct {
	snapshot Snapshot
	base     Index // index of the entry before the first one kept
	baseTerm Term
	entries  []Entry
}

func newLog(stored Stored) log {
	l := log{
		snapshot: stored.Snapshot,
		base:     stored.Snapshot.Index,
		baseTerm: stored.Snapshot.Term,
		entries:  slices.Clip(stored.Entries),
	}
	l.check()
	return l
}

func (l *log) last() Index { return l.base + Index(len(l.entries)) }

func (l *log) lastTerm() Term { return l.term(l.last()) }

// term is the term of the entry at index, which must be in base..last.
func (l *log) term(index Index) Term {
	if index == l.base {
		return l.baseTerm
	}
	return l.at(index).Term
}

func (l *log) at(index Index) *Entry {
	if index <= l.base || index > l.last() {
		fail("entry %d is outside of the log %d..%d", index, l.base+1, l.last())
	}
	return &l.entries[index-l.base-1]
}

// knows tells whether the term at index can be told.
func (l *log) knows(index Index) bool { return index >= l.base && index <= l.last() }

// matches tells whether the log has an entry of that term at index.
func (l *log) matches(index Index, term Term) bool { return l.knows(index) && l.term(index) == term }

// slice hands out entries from..to, safe against later appends and cuts.
func (l *log) slice(from, to Index) []Entry {
	if from > to {
		return nil
	}
	low, high := from-l.base-1, to-l.base
	return l.entries[low:high:high]
}

// from is slice for a range that may begin before what is kept.
func (l *log) from(from, to Index) []Entry { return l.slice(max(from, l.base+1), to) }

// upTo hands out entries beginning at from, at least one and at most so many bytes of data.
func (l *log) upTo(from Index, bytes int) []Entry {
	to := from
	for size := len(l.at(from).Data); to < l.last(); to++ {
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
	l.entries = append(l.entries, entries...)
}

// cut removes the entry at index and all behind it. The array is given up, because messages
// and records on their way still show its tail.
func (l *log) cut(index Index) {
	assert(index > l.snapshot.Index, "a cut at %d would reach into the snapshot at %d", index, l.snapshot.Index)
	l.entries = slices.Clip(l.entries[:index-l.base-1])
}

// firstOfTerm is the lowest index known to be of the same term as the entry at index.
func (l *log) firstOfTerm(index Index) Index {
	term := l.term(index)
	i := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].Term >= term })
	return min(l.base+Index(i)+1, index)
}

// lastOfTerm is the highest index, not above limit, known to be of the term; zero if there is none.
func (l *log) lastOfTerm(term Term, limit Index) Index {
	i := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].Term > term })
	index := min(l.base+Index(i), limit)
	if !l.matches(index, term) {
		return 0
	}
	return index
}

// compact takes the machine's snapshot and forgets what comes before it, but for the last entries that take no more than keep bytes.
func (l *log) compact(snapshot Snapshot, keep int) {
	l.snapshot = snapshot
	base := snapshot.Index
	for ; base > l.base; base-- {
		if keep -= cost(l.slice(base, base)); keep < 0 {
			break
		}
	}
	if base == l.base {
		return
	}
	l.baseTerm = l.term(base)
	l.entries = slices.Clone(l.entries[base-l.base:])
	l.base = base
}

// restore replaces everything by the leader's snapshot.
func (l *log) restore(snapshot Snapshot) {
	*l = log{snapshot: snapshot, base: snapshot.Index, baseTerm: snapshot.Term}
}

// check is the costly invariant: every entry against its predecessor.
func (l *log) check() {
	index, term := l.base, l.baseTerm
	for i := range l.entries {
		e := &l.entries[i]
		if e.Index != index+1 {
			fail("entry %d follows entry %d", e.Index, index)
		}
		if e.Term < term {
			fail("the term falls from %d to %d at entry %d", term, e.Term, e.Index)
		}
		if i > 0 && e.Time < l.entries[i-1].Time {
			fail("cluster time falls at entry %d", e.Index)
		}
		index, term = e.Index, e.Term
	}
	assert(l.base <= l.snapshot.Index, "entries begin at %d, behind the snapshot at %d", l.base+1, l.snapshot.Index)
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
