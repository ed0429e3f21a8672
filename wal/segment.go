package wal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"lockd/raft"
)

const segmentSuffix = ".segment"

// segment is one file of the log.
type segment struct {
	number uint32
	file   File  // nil once the segment is sealed
	size   int64 // bytes reserved
	zeroed int64 // bytes known to be zeros on the disk, while it waits to be used
	end    int64 // where the next record begins
	opened bool  // its first sector is not blank: known while the log is read
	// last is the highest index that any of its records reaches: with a durable snapshot
	// there, the segment says nothing that is still needed.
	last raft.Index
	// damaged says that a scrub has found it so: guarded by Log.sealing.
	damaged bool
}

func (s *segment) name() string { return fmt.Sprintf("%016x%s", s.number, segmentSuffix) }

func segmentNumber(name string) (uint32, bool) {
	number, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	n, ok := hexNumber(number)
	return uint32(n), ok && n == uint64(uint32(n))
}

// hexNumber reads what %016x wrote, and nothing else.
func hexNumber(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 16, 64)
	return n, err == nil && len(text) == 16
}

// Reserve sees to it that the segment after the current one has its room on the disk, so
// that Full becomes false again. ErrDiskFull: there is still none. While there is room,
// Prepare does this in passing; once the disk was full, Reserve is called now and then.
func (l *Log) Reserve() error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.outcome(l.reserve(0))
}

// reserve finds room for the next segment, of at least so many bytes.
func (l *Log) reserve(size int64) error {
	err := l.allocateNext(max(size, l.segmentSize))
	if err == nil || errors.Is(err, ErrDiskFull) {
		l.full.Store(err != nil)
	}
	return err
}

func (l *Log) allocateNext(size int64) error {
	if l.next != nil && l.next.size >= size {
		return nil
	}
	if l.next != nil {
		err := l.next.file.Allocate(size)
		if err == nil {
			l.next.size = size
		}
		return err
	}
	next := &segment{number: 1, size: size}
	if l.tail != nil {
		next.number = l.tail.number + 1
	}
	var err error
	if next.file, err = l.directory.Create(next.name()); err != nil {
		return err
	}
	if err := next.file.Allocate(size); err != nil {
		return discard(l.directory, next.file, next.name(), err)
	}
	if err := l.directory.SyncDir(); err != nil {
		return err
	}
	l.next = next
	return nil
}

// prepare brings the next segment one step nearer to use: it reserves it, or it writes
// one piece of its zeros. In small steps, so that no single sync is long.
func (l *Log) prepare() error {
	if len(l.sealed) > 0 && l.left(l.sealed[0]) {
		return l.release()
	}
	if l.full.Load() {
		return nil // the current segment may last until Reserve finds room again
	}
	if l.next == nil {
		if err := l.reserve(0); !errors.Is(err, ErrDiskFull) {
			return err
		}
		return nil
	}
	if l.next.zeroed == l.next.size {
		return nil
	}
	return l.next.zero(min(l.next.size, l.next.zeroed+int64(len(zeros))))
}

// zero writes real zeros up to an offset. The reserved room reads as zero without them,
// but then each first write to a block makes the file system sync its own records too.
func (s *segment) zero(to int64) error {
	if s.zeroed >= to {
		return nil
	}
	if err := writeZeros(s.file, s.zeroed, to); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	s.zeroed = to
	return nil
}

// roll seals the current segment and begins the next, which has room for so many bytes.
// Sealed means synced: only the last segment can ever hold an unfinished record.
func (l *Log) roll(size int64) error {
	if err := l.reserve(size); err != nil {
		return err
	}
	if err := l.next.zero(l.next.size); err != nil {
		return err
	}
	if l.tail != nil {
		if err := l.flush(); err != nil {
			return err
		}
		if err := l.tail.file.Close(); err != nil {
			return err
		}
		l.tail.file = nil
		l.seal(l.tail)
	}
	l.tail, l.next = l.next, nil
	return nil
}
