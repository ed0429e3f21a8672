package wal

import (
	"slices"

	"lockd/raft"
)

// remnant is what can be read of the log behind the row. If nothing is damaged it is what a crash has left of an unfinished
// tail, and goes. If something is, it is the rest of the log: the newest term and vote stand there, where the log
// ended, and entries that other members may have lost.
//
// Nothing in it is joined to what stands before a gap. A record that is lost may have cut the log: entries 1 to 5, a lost record
// with other entries 4 and 5, and entry 6 behind it look like one log from 1 to 6, and never were.
type remnant struct {
	last  header  // of the last record; zero: there is none
	end   place   // behind it
	torn  uint32  // parts of the record that stands there and is not whole; zero: none does
	dark  uint32  // sectors since the last record that are no part of any
	gaps  uint32  // such sectors, in all gaps
	front *record // the last record's content

	runs   [][]raft.Entry
	lowest raft.Index // the first entry that stood in any run; zero: there was none
	open   bool       // no record is missing since the last run grew
	ended  raft.Position
	exact  bool // no record is missing since the log was last seen to end there
	// unsure: the record is lost with which a segment began, and a log may have begun anew there, with a claim of its own, or in doubt.
	unsure bool
}

// entriesASector is how many entries a sector can begin at most.
const entriesASector = bodySize/entryFixedSize + 1

// precedes tells whether a record can be a later one of the same log.
func (m *remnant) precedes(h header, row *recovery) bool {
	if m.front == nil {
		return h.sequence > row.sequence && h.epoch >= row.epoch
	}
	return h.sequence > m.last.sequence && h.epoch >= m.last.epoch
}

// add takes the next record that can be read, which stands at a place.
func (m *remnant) add(row *recovery, at place, h header, content record) {
	previous, segment := row.sequence, row.ended
	if m.front != nil {
		previous, segment = m.last.sequence, m.end.segment
	}
	if h.sequence != previous+1 {
		m.open, m.exact, m.gaps = false, false, m.gaps+m.dark
	}
	if segment == nil { // the oldest one's first record is lost. Where nothing was left, the log began anew in the first of all
		segment = row.segments[0]
		m.unsure = segment.number == 1
	}
	if segment != at.segment && (at.sector != 0 || at.segment.number != segment.number+1) {
		m.unsure = true
	}
	m.last, m.front = h, &content
	m.end, m.dark, m.torn = place{at.segment, at.sector + h.parts}, 0, 0
	m.rebase(content.base)
	m.extend(content.entries)
}

// rebase takes in what a record says of the snapshot under the log. One that lies under it says nothing of where the log ends.
func (m *remnant) rebase(b base) {
	if b.kind == baseReplace {
		m.runs, m.open = nil, false
		m.ended, m.exact = raft.Position{Index: b.index, Term: b.term}, true
	}
}

// extend puts entries in their place: they are all that is left from the first one on.
func (m *remnant) extend(entries []raft.Entry) {
	if len(entries) == 0 {
		return
	}
	start := entries[0].Index
	if m.lowest == 0 || start < m.lowest {
		m.lowest = start
	}
	n := len(m.runs)
	for ; n > 0 && m.runs[n-1][0].Index >= start; n-- {
		m.open = false
	}
	m.runs = m.runs[:n]
	if n > 0 {
		run := m.runs[n-1]
		m.runs[n-1] = run[:min(int(start-run[0].Index), len(run))]
	}
	if m.open && n > 0 && m.runs[n-1][len(m.runs[n-1])-1].Index+1 == start {
		m.runs[n-1] = append(slices.Clip(m.runs[n-1]), entries...)
	} else {
		m.runs = append(m.runs, entries)
	}
	m.ended, m.exact, m.open = positionOf(&entries[len(entries)-1]), true, true
}

func positionOf(e *raft.Entry) raft.Position { return raft.Position{Index: e.Index, Term: e.Term} }

// damage is what the log has lost, given the row before it and the highest index of which anything is known.
func (m *remnant) damage(row *replay, highest raft.Index) *raft.Damage {
	uncertain := !m.exact || m.unsure
	d := &raft.Damage{End: m.ended, Behind: m.runs}
	if earlier := row.damage; earlier != nil {
		highest = max(highest, earlier.End.Index)
		d.Doubt = earlier.Doubt && m.front.term <= row.term
		uncertain = uncertain || earlier.Doubt
		if d.End.Before(earlier.End) {
			d.End = earlier.End
		}
		for _, run := range earlier.Behind {
			if run[0].Index > max(row.last(), m.ended.Index) {
				d.Behind = append(d.Behind, run)
			}
		}
	}
	d.Doubt = d.Doubt || m.unsure
	if uncertain {
		d.End = raft.Position{Index: max(highest, m.ended.Index) + raft.Index(m.gaps*entriesASector), Term: m.front.term}
	}
	return d
}
