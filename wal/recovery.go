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
	replay    replay
	segments  []*segment

	sequence uint64 // of the last record of the row
	epoch    uint32 // of the last record of the row
	ended    *segment

	synced      uint64     // the highest that any sector gives
	newestEpoch uint32     // of all sectors
	rotten      *place     // the first sector that is neither blank nor whole
	cut         *place     // where the first file ends that is shorter than its sectors say
	behind      raft.Index // of the first entry that can be read behind the row
}

// place is a sector of the log.
type place struct {
	segment *segment
	sector  uint32
}

// read goes through the segments with these numbers, which are sorted.
func (r *recovery) read(numbers []uint32) error {
	for i, number := range numbers {
		s := &segment{number: number}
		if i > 0 && number != numbers[i-1]+1 {
			missing := segment{number: numbers[i-1] + 1}
			return r.damage(missing.name(), 0, "the file is missing")
		}
		r.segments = append(r.segments, s)
		content, err := readFile(r.directory, s.name())
		if err != nil {
			return fmt.Errorf("read segment: %w", err)
		}
		if err := r.readSegment(s, content); err != nil {
			return err
		}
	}
	return r.verdict()
}

// readSegment takes the records that continue the row, and looks at every sector behind.
func (r *recovery) readSegment(s *segment, content []byte) error {
	s.size = int64(len(content)) / sectorSize * sectorSize
	content = content[:s.size]
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
		return s == r.segments[0]
	}
	return h.sequence == r.sequence+1 && h.epoch >= r.epoch
}

func (r *recovery) take(s *segment, h header, body []byte) error {
	content, ok := decodeRecord(body)
	if !ok {
		return r.damage(s.name(), s.end, "a record's content makes no sense")
	}
	if reason := r.replay.apply(content); reason != "" {
		return r.damage(s.name(), s.end, reason)
	}
	r.sequence, r.epoch, r.ended = h.sequence, h.epoch, s
	s.last = max(s.last, content.last())
	r.note(s, h)
	return nil
}

// note takes what any whole sector says of the log as a whole.
func (r *recovery) note(s *segment, h header) {
	r.synced = max(r.synced, h.synced)
	r.newestEpoch = max(r.newestEpoch, h.epoch)
	if r.cut == nil && int64(h.extent)*sectorSize > s.size {
		r.cut = &place{segment: s, sector: uint32(s.size / sectorSize)}
	}
}

// inspect looks at one sector behind the row.
func (r *recovery) inspect(s *segment, sector uint32, content []byte) {
	h, _, condition := readSector(content[int64(sector)*sectorSize:][:sectorSize], s.number, sector)
	switch condition {
	case whole:
		r.note(s, h)
	case rotten:
		if r.rotten == nil {
			r.rotten = &place{segment: s, sector: sector}
		}
	}
	if r.behind == 0 {
		if _, body, ok := gather(content, s.number, sector); ok {
			if later, ok := decodeRecord(body); ok && len(later.entries) > 0 {
				r.behind = later.entries[0].Index
			}
		}
	}
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

// verdict tells an unfinished tail from damage, once everything has been read.
func (r *recovery) verdict() error {
	if r.rotten != nil {
		offset := int64(r.rotten.sector) * sectorSize
		return r.damage(r.rotten.segment.name(), offset, "a sector is neither blank nor as it was written")
	}
	if r.cut != nil {
		return r.damage(r.cut.segment.name(), int64(r.cut.sector)*sectorSize, "the file was cut short")
	}
	if r.ended == nil {
		name := (&segment{number: 1}).name()
		if len(r.segments) > 0 {
			name = r.segments[0].name()
		}
		return r.damage(name, 0, "the log has no beginning")
	}
	if r.synced > r.sequence {
		return r.damage(r.ended.name(), r.ended.end, "a record that was durable is not there")
	}
	return nil
}

func (r *recovery) damage(name string, offset int64, reason string) error {
	damage := &DamageError{File: name, Offset: offset, Reason: reason}
	if r.replay.first > 0 {
		damage.First = r.replay.last() + 1
		if r.behind > damage.First {
			damage.Last = r.behind - 1
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
