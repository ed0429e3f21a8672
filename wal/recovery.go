package wal

import (
	"fmt"

	"lockd/raft"
)

// recovery reads all segments, oldest first, and decides where the log ends.
//
// The log is the longest row of whole records with consecutive numbers. What stands
// behind it is an unfinished tail, if it can be one: each sector there must be blank or
// whole (a crash leaves no third kind), and none may say that a record was synced which
// the row does not have. Anything else is damage.
type recovery struct {
	directory FS
	received  raft.Index // of the newest snapshot: a lost record may have brought it
	replay    replay
	room      []raft.Entry // for the entries of one record, until they are replayed
	segments  []*segment
	began     *segment // where the log began anew; nil: with the first segment

	sequence uint64 // of the last record of the row
	epoch    uint32 // of the last record of the row
	ended    *segment
	behind   remnant // what can be read behind the row

	synced      uint64  // the highest that any sector gives
	newest      uint64  // the highest number of a record that any sector gives, wherever it stands
	astray      uint64  // the same, of sectors that were written to a wrong place
	newestEpoch uint32  // of all sectors
	rotten      []place // the sectors that are neither blank nor whole
	cut         *place  // where the first file ends that is shorter than its sectors say
	missing     string  // the last file that is not there, of those before the newest; empty: none
	broken      bool    // the log can't go on where it ended, and begins anew
}

// place is a sector of the log.
type place struct {
	segment *segment
	sector  uint32
}

// read goes through the segments with these numbers, which are sorted. What it returns is a loss that can be
// lived with: see verdict.
func (r *recovery) read(numbers []uint32) (*DamageError, error) {
	var content []byte // nothing of it is kept: what is read of a segment is copied
	for i, number := range numbers {
		s := &segment{number: number}
		if i > 0 && number != numbers[i-1]+1 {
			r.missing = (&segment{number: numbers[i-1] + 1}).name()
		}
		r.segments = append(r.segments, s)
		var err error
		if content, err = readFileInto(content, r.directory, s.name()); err != nil {
			return nil, fmt.Errorf("read segment: %w", err)
		}
		if err := r.readSegment(s, content); err != nil {
			return nil, err
		}
	}
	return r.verdict(), nil
}

// readSegment takes the records that continue the row, and looks at every sector behind.
func (r *recovery) readSegment(s *segment, content []byte) error {
	s.size = int64(len(content)) / sectorSize * sectorSize
	content = content[:s.size]
	r.beginAnew(s, content)
	for {
		sector := uint32(s.end / sectorSize)
		h, body, ok := gather(content, s.number, sector)
		if !ok || !r.continues(s, h) {
			break
		}
		if err := r.take(s, h, body); err != nil {
			return err
		}
		s.end += int64(h.parts) * sectorSize
	}
	for sector := uint32(s.end / sectorSize); int64(sector)*sectorSize < s.size; sector++ {
		r.inspect(s, sector, content)
	}
	return nil
}

// continues reports whether the record that begins with this sector is the next of the
// row. A lower epoch is what an earlier cut had left on the disk.
func (r *recovery) continues(s *segment, h header) bool {
	if r.ended == nil {
		return s == r.segments[0] || s == r.began
	}
	return h.sequence == r.sequence+1 && h.epoch >= r.epoch
}

func (r *recovery) take(s *segment, h header, body []byte) error {
	content, ok := decodeRecord(body, r.room)
	if !ok {
		return r.damage(s.name(), s.end, "a record's content makes no sense")
	}
	r.room = content.entries
	if reason := r.replay.apply(content); reason != "" {
		return r.damage(s.name(), s.end, reason)
	}
	r.sequence, r.epoch, r.ended = h.sequence, h.epoch, s
	s.last = max(s.last, content.last())
	s.opened, r.behind = true, remnant{} // what there was belongs to no log
	r.note(s, h)
	return nil
}

// note takes what any whole sector says of the log as a whole.
func (r *recovery) note(s *segment, h header) {
	r.synced = max(r.synced, h.synced)
	r.newest = max(r.newest, h.sequence)
	r.newestEpoch = max(r.newestEpoch, h.epoch)
	if r.cut == nil && int64(h.extent)*sectorSize > s.size {
		r.cut = &place{segment: s, sector: uint32(s.size / sectorSize)}
	}
}

// inspect looks at one sector behind the row.
func (r *recovery) inspect(s *segment, sector uint32, content []byte) {
	h, _, condition := readSector(content[int64(sector)*sectorSize:][:sectorSize], s.number, sector)
	s.opened = s.opened || sector == 0 && condition != blank
	if end := r.behind.end; r.behind.front != nil && end.segment == s && sector < end.sector {
		return // a part of the last record that was read
	}
	r.behind.dark++
	switch {
	case condition == whole:
		r.note(s, h)
		r.salvage(place{s, sector}, h, content)
	case condition == rotten:
		r.rotten = append(r.rotten, place{s, sector})
		r.synced, r.newest = max(r.synced, h.synced), max(r.newest, h.sequence)
		if h.kind == kindRecord {
			r.astray = max(r.astray, h.sequence)
		}
	}
}

// salvage takes the record that begins at a place behind the row, if it can be read.
func (r *recovery) salvage(at place, h header, content []byte) {
	if h.kind != kindRecord || h.part != 0 || !r.behind.precedes(h, r) {
		return
	}
	first, body, whole := gather(content, at.segment.number, at.sector)
	if !whole {
		if r.end() == at {
			r.behind.torn = h.parts
		}
		return
	}
	if record, ok := decodeRecord(body, nil); ok {
		r.behind.add(r, at, first, record)
	}
}

// end is the place behind the last record that can be read.
func (r *recovery) end() place {
	if r.behind.front != nil {
		return r.behind.end
	}
	if r.ended == nil {
		return place{segment: r.segments[0]}
	}
	return place{r.ended, uint32(r.ended.end / sectorSize)}
}

// gather joins the sectors of the record that begins at a sector. It is false unless each
// of them is whole and says the same of the record.
func gather(content []byte, number, sector uint32) (first header, body []byte, ok bool) {
	for part := uint32(0); part == 0 || part < first.parts; part++ {
		offset := int64(sector+part) * sectorSize
		if offset+sectorSize > int64(len(content)) {
			return header{}, nil, false
		}
		h, piece, condition := readSector(content[offset:offset+sectorSize], number, sector+part)
		if part == 0 {
			first = h
			body = make([]byte, 0, min(int64(h.parts)*bodySize, int64(len(content))-offset)) // parts may be anything
		}
		if condition != whole || h.kind != kindRecord || !h.follows(first, part) {
			return header{}, nil, false
		}
		body = append(body, piece...)
	}
	return first, body, true
}

// follows reports whether h is the sector of that part of the record that first begins.
func (h header) follows(first header, part uint32) bool {
	return h.part == part && h.parts == first.parts && h.sequence == first.sequence &&
		h.epoch == first.epoch && h.synced == first.synced
}

// verdict tells an unfinished tail from damage, once everything has been read. What is to be done about damage, the replay says then. Nil: there is none.
func (r *recovery) verdict() *DamageError {
	damage := r.diagnosis()
	if damage == nil {
		return nil
	}
	reason := r.doubt()
	if r.behind.front != nil {
		r.lose()
	}
	if reason != "" {
		damage.Reason += ", and " + reason
		r.mistrust()
	}
	r.broken = r.behind.front != nil || reason != ""
	return damage
}

// diagnosis is what is damaged. Nil: nothing is.
func (r *recovery) diagnosis() *DamageError {
	switch {
	case r.missing != "":
		return r.damage(r.missing, 0, "the file is missing")
	case r.cut != nil:
		return r.damage(r.cut.segment.name(), int64(r.cut.sector)*sectorSize, "the file was cut short")
	case len(r.segments) == 0:
		return r.damage((&segment{number: 1}).name(), 0, "the log has no beginning")
	case len(r.rotten) > 0:
		first := r.rotten[0]
		return r.damage(first.segment.name(), int64(first.sector)*sectorSize, "a sector is neither blank nor as it was written")
	case r.ended == nil:
		return r.damage(r.segments[0].name(), 0, "the log's first record is not there")
	case r.synced > r.sequence:
		return r.damage(r.ended.name(), r.ended.end, "a record that was durable is not there")
	}
	return nil
}

func (r *recovery) damage(name string, offset int64, reason string) *DamageError {
	damage := &DamageError{File: name, Offset: offset, Reason: reason}
	if r.replay.first > 0 {
		damage.First = r.replay.last() + 1
		if runs := r.behind.runs; len(runs) > 0 && runs[0][0].Index > damage.First {
			damage.Last = runs[0][0].Index - 1
		}
	}
	return damage
}

// repair makes what was read durable: it may have been read from the system's memory, put
// there by a process that died before, or during, its sync. Written again it is dirty
// again, and the next sync means what it says. What stands behind the end goes.
func (r *recovery) repair() error {
	for last := len(r.segments) - 1; r.segments[last] != r.ended; last-- {
		if err := removeDurably(r.directory, r.segments[last].name()); err != nil {
			return err
		}
		r.segments = r.segments[:last]
	}
	tail := r.ended
	var err error
	if tail.file, err = r.directory.Open(tail.name()); err != nil {
		return err
	}
	content, err := readAll(tail.file)
	if err != nil {
		return err
	}
	if _, err := tail.file.WriteAt(content[:tail.end], 0); err != nil {
		return err
	}
	if err := writeZeros(tail.file, tail.end, tail.size); err != nil {
		return err
	}
	return tail.file.Sync()
}
