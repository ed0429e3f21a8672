package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync"
	"time"

	"lockd/raft"
)

// A snapshot is one file, named by its index.
//
//	magic 8 | check 4 | length 4 | head | chunk ...
//	head:  index 8 | term 8 | time 8 | data length 8 | voters 4 | membership, as in a log's entry
//	chunk: check 4 | up to 64 KiB of the data
//
// Each check is the CRC32C of what follows it, up to the next check, continued from the
// check before it: chunks can neither be exchanged nor left out.
const (
	snapshotPrefix = "snapshot-"
	snapshotMagic  = "lockdsnp"
	chunkSize      = 64 << 10
	prefixSize     = 8 + 4 + 4
)

// keptSnapshots is how many stay: one to use, and one to fall back to.
const keptSnapshots = 2

func snapshotName(index raft.Index) string {
	return fmt.Sprintf("%s%016x", snapshotPrefix, uint64(index))
}

func snapshotIndex(name string) (raft.Index, bool) {
	number, ok := strings.CutPrefix(name, snapshotPrefix)
	if !ok {
		return 0, false
	}
	index, ok := hexNumber(number)
	return raft.Index(index), ok
}

func encodeSnapshotHead(snapshot raft.Snapshot) []byte {
	head := make([]byte, 0, sectorSize)
	head = binary.LittleEndian.AppendUint64(head, uint64(snapshot.Index))
	head = binary.LittleEndian.AppendUint64(head, uint64(snapshot.Term))
	head = binary.LittleEndian.AppendUint64(head, uint64(snapshot.Time))
	head = binary.LittleEndian.AppendUint64(head, uint64(len(snapshot.Data)))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(snapshot.Membership.Members)))
	return raft.AppendMembership(head, snapshot.Membership)
}

// snapshotSize is the length of the whole file.
func snapshotSize(head, data int) int64 {
	chunks := (data + chunkSize - 1) / chunkSize
	return int64(prefixSize + head + 4*chunks + data)
}

// writeSnapshot writes the file chunk by chunk, so that a large state is not held twice.
func writeSnapshot(file File, head, data []byte) error {
	buffer := append(make([]byte, 0, prefixSize+len(head)+min(len(data), chunkSize)), snapshotMagic...)
	buffer = append(buffer, 0, 0, 0, 0)
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(head)))
	buffer = append(buffer, head...)
	check := crc32.Checksum(buffer[len(snapshotMagic)+4:], castagnoli)
	binary.LittleEndian.PutUint32(buffer[len(snapshotMagic):], check)
	if _, err := file.WriteAt(buffer, 0); err != nil {
		return err
	}
	offset := int64(len(buffer))
	for chunk := range slices.Chunk(data, chunkSize) {
		check = crc32.Update(check, castagnoli, chunk)
		buffer = append(binary.LittleEndian.AppendUint32(buffer[:0], check), chunk...)
		if _, err := file.WriteAt(buffer, offset); err != nil {
			return err
		}
		offset += int64(len(buffer))
	}
	return nil
}

// decodeSnapshot is the inverse of writeSnapshot. On damage it returns the offset of the
// head or chunk that is not as it was written.
func decodeSnapshot(content []byte) (snapshot raft.Snapshot, damage int64, ok bool) {
	head, length, check, ok := decodeSnapshotPrefix(content)
	if !ok {
		return raft.Snapshot{}, 0, false
	}
	in := decoder{rest: content[prefixSize+head:]}
	snapshot, _, ok = decodeSnapshotHead(content[prefixSize:][:head])
	if !ok {
		return raft.Snapshot{}, 0, false
	}
	if length > uint64(len(in.rest)) {
		return snapshot, 0, false
	}
	for uint64(len(snapshot.Data)) < length {
		offset := int64(len(content) - len(in.rest))
		expected := in.uint32()
		chunk := in.bytes(int(min(chunkSize, length-uint64(len(snapshot.Data)))))
		check = crc32.Update(check, castagnoli, chunk)
		if chunk == nil || check != expected {
			return snapshot, offset, false
		}
		snapshot.Data = append(snapshot.Data, chunk...)
	}
	return snapshot, int64(len(content) - len(in.rest)), in.done()
}

// decodeSnapshotPrefix checks all that comes before the chunks: how long the head is, how long the data, and the checksum that the first
// chunk's goes on from.
func decodeSnapshotPrefix(content []byte) (head int, data uint64, check uint32, ok bool) {
	in := decoder{rest: content}
	magic, check := string(in.bytes(len(snapshotMagic))), in.uint32()
	checked := in.rest
	encoded := in.bytes(int(in.uint32()))
	if magic != snapshotMagic || encoded == nil || check != crc32.Checksum(checked[:4+len(encoded)], castagnoli) {
		return 0, 0, 0, false
	}
	_, data, ok = decodeSnapshotHead(encoded)
	return len(encoded), data, check, ok
}

func decodeSnapshotHead(head []byte) (snapshot raft.Snapshot, length uint64, ok bool) {
	in := decoder{rest: head}
	snapshot.Index = raft.Index(in.uint64())
	snapshot.Term = raft.Term(in.uint64())
	snapshot.Time = time.Duration(in.uint64())
	length = in.uint64()
	count := in.uint32()
	membership, err := raft.DecodeMembership(in.rest)
	if in.short || err != nil || count != uint32(len(membership.Members)) {
		return raft.Snapshot{}, 0, false
	}
	snapshot.Membership = membership
	return snapshot, length, true
}

// shelf holds the durable snapshots. It is the one part of the log that two goroutines use.
type shelf struct {
	directory FS
	mutex     sync.Mutex
	indexes   []raft.Index // of the snapshots on disk, rising
	damaged   []raft.Index // those of them that a scrub has found so
	rot       *rot
}

// oldest returns the index of the oldest snapshot that is kept, or zero.
func (s *shelf) oldest() raft.Index {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.indexes) == 0 {
		return 0
	}
	return s.indexes[0]
}

// save makes a snapshot durable and then lets the damaged and the oldest go. One that stands for no more
// than the newest says nothing new and is passed over, unless the newest is damaged and it stands for as much.
func (s *shelf) save(snapshot raft.Snapshot) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if n := len(s.indexes); n > 0 && snapshot.Index <= s.indexes[n-1] && !(snapshot.Index == s.indexes[n-1] && s.condemned(snapshot.Index)) {
		return s.discard()
	}
	head := encodeSnapshotHead(snapshot)
	size := snapshotSize(len(head), len(snapshot.Data))
	write := func(file File) error { return writeSnapshot(file, head, snapshot.Data) }
	if err := replaceFile(s.directory, snapshotName(snapshot.Index), size, write); err != nil {
		return fmt.Errorf("save snapshot at index %d: %w", snapshot.Index, err)
	}
	if s.condemned(snapshot.Index) {
		s.acquit(snapshot.Index)
	} else {
		s.indexes = append(s.indexes, snapshot.Index)
	}
	if err := s.discard(); err != nil {
		return err
	}
	return s.prune()
}

func (s *shelf) prune() error {
	for len(s.indexes) > keptSnapshots {
		if err := s.directory.Remove(snapshotName(s.indexes[0])); err != nil {
			return fmt.Errorf("remove old snapshot at index %d: %w", s.indexes[0], err)
		}
		s.indexes = s.indexes[1:]
	}
	return nil
}

// load returns the snapshot of an index, or a *DamageError and as much as can be read of what stands before its data.
func (s *shelf) load(index raft.Index) (raft.Snapshot, error) {
	name := snapshotName(index)
	content, err := readFile(s.directory, name)
	if err != nil {
		return raft.Snapshot{}, err
	}
	snapshot, offset, ok := decodeSnapshot(content)
	if !ok || snapshot.Index != index {
		return snapshot, &DamageError{File: name, Offset: offset, Last: index, First: 1, Reason: "the snapshot is not as it was written"}
	}
	return snapshot, nil
}
