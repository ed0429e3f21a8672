package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"lockd/raft"
)

// Scrub reads again, a piece at a time, what the log keeps at rest: the sealed segments and the snapshots. Nobody else does before the
// next start, and by then the same entry may have rotted on other members too.
//
// A pass reads each file that was at rest when the pass began, unless it went meanwhile: snapshots take the place of segments, and
// newer ones that of older ones, at any time. What is damaged is known to the log from then on (Log.Cure), and not read again.
// Segments that were left behind when a damaged log began anew are not read: their damage is known, and no opening reads them.
//
// A Scrub is for one goroutine at a time, which may be another one than the log's. A log has one at most.
type Scrub struct {
	log    *Log
	files  []resting // that the pass has still to read; the first may be read in part
	offset int64     // in the first, of what comes next
	sector header    // in a segment: the sector before it
	check  uint32    // in a snapshot: the checksum up to it
	data   uint64    // in a snapshot: bytes that follow, without their checksums
	buffer [ScrubPiece]byte
}

// ScrubPiece is how many bytes a step reads at most: a whole number of sectors, and room for a snapshot's chunk and its checksum.
const ScrubPiece = chunkSize + sectorSize

// resting is a file at rest.
type resting struct {
	segment  *segment // nil: a snapshot
	snapshot raft.Index
	size     int64
}

func (f resting) name() string {
	if f.segment != nil {
		return f.segment.name()
	}
	return snapshotName(f.snapshot)
}

// Scrub begins to read the log again.
func (l *Log) Scrub() *Scrub { return &Scrub{log: l} }

// Left is how many bytes the pass has still to read; zero before the first step of a pass.
func (s *Scrub) Left() int64 {
	left := -s.offset
	for _, f := range s.files {
		left += f.size
	}
	return left
}

// Step reads the next piece, 64 KiB or so at most, and begins a pass if none is under way. It tells whether the pass is over.
//
// A *DamageError is told once for each file that is damaged. After any other error, of a file that can't be opened or looked at, the
// file is passed over, for this pass.
func (s *Scrub) Step() (over bool, err error) {
	if len(s.files) == 0 {
		if err := s.begin(); err != nil {
			return true, err
		}
	}
	if len(s.files) > 0 {
		err = s.read(s.files[0])
	}
	return len(s.files) == 0, err
}

// begin lists what a pass has to read.
func (s *Scrub) begin() error {
	var errs []error
	for _, index := range s.log.shelf.sound() {
		size, err := fileSize(s.log.directory, snapshotName(index))
		switch {
		case err == nil:
			s.files = append(s.files, resting{snapshot: index, size: size})
		case s.log.shelf.has(index):
			errs = append(errs, err)
		}
	}
	for _, segment := range s.log.atRest() {
		s.files = append(s.files, resting{segment: segment, size: segment.size})
	}
	s.rewind()
	return errors.Join(errs...)
}

func fileSize(directory FS, name string) (int64, error) {
	file, err := directory.Open(name)
	if err != nil {
		return 0, err
	}
	size, err := file.Size()
	return size, errors.Join(err, file.Close())
}

func (s *Scrub) rewind() { s.offset, s.sector, s.check, s.data = 0, header{}, 0, 0 }

// next goes on to the next file.
func (s *Scrub) next() {
	s.files = s.files[1:]
	s.rewind()
}

// read reads the next piece of a file. What it finds in one that has gone meanwhile is nothing to anybody.
func (s *Scrub) read(f resting) error {
	piece, err := s.fetch(f)
	var reason string
	switch {
	case errors.Is(err, syscall.EIO):
		reason = "the device can't read it"
	case err != nil:
		s.next()
		if errors.Is(err, fs.ErrNotExist) && !s.log.rests(f) {
			return nil
		}
		return fmt.Errorf("scrub: %w", err)
	case f.segment != nil:
		reason = s.sectors(f.segment, piece)
	default:
		reason = s.chunk(f, piece)
	}
	switch {
	case reason != "":
		damage := s.log.condemn(f, s.offset, reason)
		s.next()
		if damage != nil {
			return damage
		}
	case s.offset >= f.size:
		s.next()
	}
	return nil
}

// fetch reads what comes next of a file from the device, as far as the system can be asked to. It is shorter than it should be where
// the file is.
func (s *Scrub) fetch(f resting) ([]byte, error) {
	file, err := s.log.directory.Open(f.name())
	if err != nil {
		return nil, err
	}
	piece := s.buffer[:min(ScrubPiece, f.size-s.offset)]
	err = file.Uncache(s.offset, int64(len(piece)))
	if err == nil {
		var n int
		n, err = file.ReadAt(piece, s.offset)
		piece = piece[:n]
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return piece, errors.Join(err, file.Close())
}

// sectors judges a piece of a segment, by the rules of recovery: up to the end there are whole records with consecutive numbers; behind it
// nothing has rotted. It returns what is wrong with the sector at the offset, if one is wrong.
func (s *Scrub) sectors(segment *segment, piece []byte) (reason string) {
	if len(piece) < sectorSize {
		return "the file was cut short"
	}
	for ; len(piece) >= sectorSize; piece = piece[sectorSize:] {
		h, _, condition := readSector(piece[:sectorSize], segment.number, uint32(s.offset/sectorSize))
		switch {
		case condition == rotten:
			return "a sector is neither blank nor as it was written"
		case s.offset >= segment.end:
		case condition == blank || !h.succeeds(s.sector, s.offset == 0):
			return "a record that was durable is not there"
		}
		s.sector = h
		s.offset += sectorSize
	}
	return ""
}

// succeeds tells whether the sector can stand behind another one in a sealed segment.
func (h header) succeeds(before header, first bool) bool {
	switch {
	case h.kind != kindRecord:
		return false
	case first:
		return h.part == 0
	case before.part+1 < before.parts:
		return h.follows(before, before.part+1)
	}
	return h.part == 0 && h.sequence == before.sequence+1 && h.epoch >= before.epoch
}

// chunk judges the head of a snapshot, or the next chunk of its data.
func (s *Scrub) chunk(f resting, piece []byte) (reason string) {
	const changed = "the snapshot is not as it was written"
	if s.offset == 0 {
		head, data, check, ok := decodeSnapshotPrefix(piece)
		if !ok || f.size != snapshotSize(head, int(data)) {
			return changed
		}
		s.offset, s.data, s.check = int64(prefixSize+head), data, check
		return ""
	}
	length := int(min(chunkSize, s.data))
	if len(piece) < 4+length {
		return changed
	}
	s.check = crc32.Update(s.check, castagnoli, piece[4:4+length])
	if s.check != binary.LittleEndian.Uint32(piece) {
		return changed
	}
	s.offset += int64(4 + length)
	s.data -= uint64(length)
	return ""
}

// atRest are the segments that a scrub reads: sealed, of the log as it is now, and not known to be damaged.
func (l *Log) atRest() (segments []*segment) {
	l.sealing.Lock()
	defer l.sealing.Unlock()
	for _, s := range l.sealed {
		if s.number >= l.first && !s.damaged {
			segments = append(segments, s)
		}
	}
	return segments
}

// rests tells whether a file is still in use.
func (l *Log) rests(f resting) bool {
	if f.segment == nil {
		return l.shelf.has(f.snapshot)
	}
	l.sealing.Lock()
	defer l.sealing.Unlock()
	return slices.Contains(l.sealed, f.segment)
}

// condemn notes that a file is damaged, and has to be replaced. Nil: it is not in use any more.
func (l *Log) condemn(f resting, offset int64, reason string) *DamageError {
	damage := &DamageError{File: f.name(), Offset: offset, Reason: reason, First: 1, Last: f.snapshot}
	if f.segment == nil {
		if !l.shelf.condemn(f.snapshot) {
			return nil
		}
		l.rot.found.Add(1)
		return damage
	}
	damage.First, damage.Last = min(l.shelf.oldest()+1, f.segment.last), f.segment.last
	l.sealing.Lock()
	defer l.sealing.Unlock()
	if !slices.Contains(l.sealed, f.segment) {
		return nil
	}
	f.segment.damaged = true
	l.rot.found.Add(1)
	return damage
}

// Cure is the index that the next snapshot has to reach to stand for all that a scrub has found damaged. Once one is saved, the damaged
// snapshots go, and with the next Release the damaged segments. Zero: nothing that is in use is known to be damaged.
func (l *Log) Cure() raft.Index {
	cure := l.shelf.cure() // which waits for a snapshot that is being saved: nobody who appends must wait for that as well
	l.sealing.Lock()
	defer l.sealing.Unlock()
	for _, s := range l.sealed {
		if s.damaged {
			cure = max(cure, s.last, 1)
		}
	}
	return cure
}

// Rot counts the files that scrubs have found damaged since the log was opened, and those of them that are replaced.
func (l *Log) Rot() (found, healed uint64) { return l.rot.found.Load(), l.rot.healed.Load() }
