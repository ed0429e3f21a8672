package raft

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// dumbLog is a log as anybody would write it first: all entries since the beginning, looked at one by one.
type dumbLog struct {
	terms    []Term // by index; the founding snapshot is entry 1
	base     Index  // what was forgotten, only to know what the real one may still tell
	snapshot Index
}

func (d *dumbLog) last() Index { return Index(len(d.terms) - 1) }

func (d *dumbLog) firstOfTerm(index Index) Index {
	for index > d.base+1 && d.terms[index-1] == d.terms[index] {
		index--
	}
	return index
}

func (d *dumbLog) lastOfTerm(term Term, limit Index) Index {
	for index := min(limit, d.last()); index >= d.base; index-- {
		if d.terms[index] == term {
			return index
		}
	}
	return 0
}

// cost is of the entries kept up to an index. The data of an entry is as long as its index says.
func (d *dumbLog) cost(to Index) (bytes int) {
	for index := d.base + 1; index <= to; index++ {
		bytes += entryCost + int(index%5)
	}
	return bytes
}

func TestLogAgainstItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLog(foundation(3))
		twin := &dumbLog{terms: []Term{0, 1}, base: 1, snapshot: 1}
		term := Term(1)
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 4).Draw(t, "count") {
					term += Term(rapid.IntRange(0, 1).Draw(t, "step"))
					twin.terms = append(twin.terms, term)
					l.append(Entry{Index: twin.last(), Term: term, Data: make([]byte, twin.last()%5)})
				}
			},
			"cut": func(t *rapid.T) {
				if twin.snapshot == twin.last() {
					t.Skip("nothing to cut")
				}
				at := Index(rapid.IntRange(int(twin.snapshot)+1, int(twin.last())).Draw(t, "at"))
				l.cut(at)
				twin.terms = twin.terms[:at]
			},
			"compact": func(t *rapid.T) {
				at := Index(rapid.IntRange(int(twin.snapshot), int(twin.last())).Draw(t, "at"))
				keep := rapid.IntRange(0, 5*entryCost).Draw(t, "keep")
				l.compact(Snapshot{Index: at, Term: twin.terms[at]}, keep)
				for twin.snapshot = at; twin.cost(at) > keep; {
					twin.base++
				}
			},
			"restore": func(t *rapid.T) {
				gap := rapid.IntRange(1, 3).Draw(t, "gap")
				if rapid.Bool().Draw(t, "to where an array ends") {
					gap = max(1, blockSize-int(twin.last()%blockSize)-gap)
				}
				for range gap {
					twin.terms = append(twin.terms, term)
				}
				twin.snapshot, twin.base = twin.last(), twin.last()
				l.restore(Snapshot{Index: twin.last(), Term: term})
			},
			"": func(t *rapid.T) { compareLogs(t, &l, twin) },
		})
	})
}

func compareLogs(t *rapid.T, l *log, twin *dumbLog) {
	l.check()
	require.Equal(t, twin.last(), l.last())
	require.Equal(t, twin.base, l.base())
	require.Equal(t, twin.terms[twin.last()], l.lastTerm())
	require.Equal(t, twin.base > 0 && l.knows(twin.base-1), false)
	require.False(t, l.knows(twin.last()+1))
	for index := twin.base; index <= twin.last(); index++ {
		require.Equal(t, twin.terms[index], l.term(index))
		require.True(t, l.matches(index, twin.terms[index]))
		require.False(t, l.matches(index, twin.terms[index]+1))
		if index > twin.base {
			require.Equal(t, twin.firstOfTerm(index), l.firstOfTerm(index))
		}
	}
	for term := Term(0); term <= twin.terms[twin.last()]+1; term++ {
		limit := twin.base + Index(rapid.IntRange(0, int(twin.last()-twin.base)).Draw(t, "limit"))
		require.Equal(t, twin.lastOfTerm(term, limit), l.lastOfTerm(term, limit), "term %d up to %d", term, limit)
	}
	if twin.base == twin.last() {
		return
	}
	from := twin.base + Index(rapid.IntRange(1, int(twin.last()-twin.base)).Draw(t, "from"))
	room := rapid.IntRange(0, 12).Draw(t, "room")
	to := from + Index(rapid.IntRange(0, int(twin.last()-from)).Draw(t, "to"))
	for i, e := range l.slice(from, to) {
		require.Equal(t, from+Index(i), e.Index)
		require.Equal(t, twin.terms[e.Index], e.Term)
	}
	require.Len(t, l.slice(from, to), int(to-from)+1)
	got := l.upTo(from, to, room)
	require.NotEmpty(t, got)
	require.Equal(t, from, got[0].Index)
	require.True(t, len(got) == 1 || dataBytes(got) <= room)
	if next := from + Index(len(got)); next <= to {
		require.Greater(t, dataBytes(got)+len(l.at(next).Data), room, "one more would have fitted")
	}
}

// Indexes and terms that no log can have stop the node.
func TestLogRefusesNonsense(t *testing.T) {
	fresh := func() *log {
		l := newLog(withLog(3, 1, 2, 2))
		return &l
	}
	require.Panics(t, func() { fresh().append(Entry{Index: 6, Term: 2}) }, "a hole")
	require.Panics(t, func() { fresh().append(Entry{Index: 5, Term: 1}) }, "a term that falls")
	require.Panics(t, func() { fresh().at(1) }, "behind the snapshot")
	require.Panics(t, func() { fresh().at(5) }, "beyond the end")
	require.Panics(t, func() { fresh().cut(1) }, "into the snapshot")
	require.Panics(t, func() { newLog(Stored{Snapshot: Snapshot{Index: 4}, Entries: entriesOf(6, 1)}) }, "a hole on disk")
	require.Panics(t, func() { New(testConfig(1, 1), Stored{Term: 1, Entries: entriesOf(1, 2)}, 0) }, "a log ahead of its term")
}
