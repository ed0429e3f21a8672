package wal

import (
	"lockd/raft"
)

// A log that has lost something in its middle is not patched where it stands: what can be read stays as it is until nobody
// needs it. All that is left of it is written into a new segment behind the others, as one record with which the log
// begins anew: the newest term and vote, the entries before the damage and those behind it, and where the log must be taken to have
// ended. The segment gets its name when it is durable, so a crash leaves the old log or the new one. The older
// segments go when the log has come by what they lack (claim.go).

// doubt says why it is not certain that the last record which can be read was the last one that was durable. Empty: it is. The
// newest term and vote would be in the one that is lost, and a member that forgets a vote may give it twice: it abstains, until the others have told it
// enough (raft/doubt.go).
//
// A later record would have begun at the end, or in the next segment's first sector. As long as what stands there is blank, or a
// mark, or a piece of a write that a crash tore, a sector that has rotted farther behind held nothing that was ever synced.
func (r *recovery) doubt() string {
	if r.ended == nil && r.behind.front == nil {
		return "nothing of it is left"
	}
	last, end := r.sequence, r.end()
	if r.behind.front != nil {
		last = r.behind.last.sequence
	}
	switch {
	case r.cut != nil || r.missing != "":
		return "nobody can tell what stood there"
	case r.synced > last:
		return "the last record is lost"
	case r.astray > last:
		return "the last record may have gone astray"
	}
	for _, p := range r.rotten {
		ended := p.segment == end.segment && p.sector >= end.sector && p.sector < end.sector+max(1, r.behind.torn)
		if ended || p.segment.number > end.segment.number && p.segment.opened {
			return "it may have held the last record"
		}
	}
	return ""
}

// mistrust takes what is left of the log for no more than that.
func (r *recovery) mistrust() {
	var lost raft.Damage
	if r.replay.damage != nil {
		lost = *r.replay.damage
	}
	lost.Doubt = true
	r.replay.damage = &lost
}

// lose takes what is behind the damage into account: the newest term and vote, and what the log has lost.
func (r *recovery) lose() {
	highest := r.received
	if r.replay.first > 0 {
		highest = max(highest, r.replay.last())
	}
	for _, s := range r.segments {
		highest = max(highest, s.last)
	}
	if lowest := r.behind.lowest; lowest != 0 {
		r.replay.cut(lowest)
	}
	r.replay.damage = r.behind.damage(&r.replay, highest)
	r.replay.term, r.replay.vote = r.behind.front.term, r.behind.front.vote
}

// beginAnew forgets everything that stands before a segment in which the log begins anew.
func (r *recovery) beginAnew(s *segment, content []byte) {
	_, body, ok := gather(content, s.number, 0)
	if !ok {
		return
	}
	first, ok := decodeRecord(body, nil)
	if !ok || !first.base.anew() {
		return
	}
	for _, older := range r.segments {
		if older != s {
			older.last = max(older.last, first.damage.End.Index)
		}
	}
	*r = recovery{directory: r.directory, received: r.received, segments: r.segments, began: s}
}

// anew writes what is left of the log into a new segment, which becomes the one in use.
func (l *Log) anew(reading *recovery, snapshot raft.Snapshot) error {
	var damage raft.Damage
	if lost := reading.replay.damage; lost != nil {
		damage = *lost
	}
	content := record{
		term: l.term, vote: l.vote, damage: damage, entries: reading.replay.entries,
		base: base{kind: baseAnew, index: snapshot.Index, term: snapshot.Term},
	}
	if damage.Doubt {
		content.base.kind = baseDoubt
	}
	if err := l.writeAnew(content, reading); err != nil {
		return err
	}
	for _, older := range reading.segments {
		older.last = max(older.last, damage.End.Index)
	}
	l.sealed = reading.segments
	return l.writeMark()
}

// writeAnew makes a segment durable that begins with a record, and only then gives it its name.
func (l *Log) writeAnew(content record, reading *recovery) error {
	l.body = appendRecord(l.body[:0], content)
	number := uint32(1)
	if n := len(reading.segments); n > 0 {
		number += reading.segments[n-1].number
	}
	l.tail = &segment{number: number, last: content.last(), size: max(l.segmentSize, (sectors(len(l.body))+1)*sectorSize)}
	l.sequence, l.synced = reading.newest, reading.newest
	l.encode(l.body)
	tail, written := l.tail, int64(len(l.pending))
	err := replaceFile(l.directory, tail.name(), tail.size, func(file File) error {
		if _, err := file.WriteAt(l.pending, 0); err != nil {
			return err
		}
		return writeZeros(file, written, tail.size)
	})
	if err != nil {
		return err
	}
	tail.end, l.pending, l.synced = written, l.pending[:0], l.sequence
	tail.file, err = l.directory.Open(tail.name())
	return err
}
