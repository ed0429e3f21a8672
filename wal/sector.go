package wal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A segment is a row of sectors, and each sector says by itself what it is. The disk
// writes a sector wholly or not at all, so one that was never written still holds what
// it held before (zeros, or the mark), and one that is neither zero nor whole has rotted:
// no crash makes such a sector.
//
//	 0        4        8        12       16                24
//	+--------+--------+--------+--------+-----------------+-----------------+
//	| check  | kind   | segment| place  | sequence        | synced          |
//	+--------+--------+--------+--------+-----------------+-----------------+
//	| epoch  | part   | parts  | length | extent | body, 460 bytes: `length`
//	+--------+--------+--------+--------+--------+   of the record's, then zeros
//	 32       36       40       44       48       52                    512
//
// All numbers are little-endian.
//
//	check     CRC32C of the 508 bytes that follow
//	kind      record or mark
//	segment   number of the segment, and
//	place     of the sector in it: a sector that was written to a wrong place shows
//	sequence  number of the record, counted from the first ever written here
//	synced    every record up to this one was durable before this sector was written
//	epoch     counts the openings of the log: what a cut left on the disk of an earlier
//	          epoch is never taken for a part of a later one
//	part      of parts: the record's sectors, from 0
//	extent    how many sectors the segment has: a file that was cut short, by a copy that
//	          stopped half-way, say, shows. A crash can't do that: the room is reserved first
const (
	sectorSize = 512
	headerSize = 52
	bodySize   = sectorSize - headerSize
)

const (
	kindRecord uint32 = 1
	kindMark   uint32 = 2 // holds nothing but `synced`; the next record is written over it
)

// header is what a sector says about itself.
type header struct {
	kind     uint32
	segment  uint32
	place    uint32
	sequence uint64
	synced   uint64
	epoch    uint32
	part     uint32
	parts    uint32
	length   uint32
	extent   uint32
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var zeroSector [sectorSize]byte

// appendSector appends one sector with the body, at most bodySize bytes.
func appendSector(buffer []byte, h header, body []byte) []byte {
	h.length = uint32(len(body))
	start := len(buffer)
	buffer = append(buffer, 0, 0, 0, 0)
	for _, field := range [...]uint32{h.kind, h.segment, h.place} {
		buffer = binary.LittleEndian.AppendUint32(buffer, field)
	}
	buffer = binary.LittleEndian.AppendUint64(buffer, h.sequence)
	buffer = binary.LittleEndian.AppendUint64(buffer, h.synced)
	for _, field := range [...]uint32{h.epoch, h.part, h.parts, h.length, h.extent} {
		buffer = binary.LittleEndian.AppendUint32(buffer, field)
	}
	buffer = append(buffer, body...)
	buffer = append(buffer, zeroSector[:bodySize-len(body)]...)
	check := crc32.Checksum(buffer[start+4:], castagnoli)
	binary.LittleEndian.PutUint32(buffer[start:], check)
	return buffer
}

// condition is what can be said of a sector without knowing its neighbours.
type condition int

const (
	blank  condition = iota // never written, or zeroed
	whole                   // as it was written, where it was written
	rotten                  // neither: no crash leaves this. One that was written to a wrong place still says what it is
)

// readSector judges the sector that stands at a place of a segment.
func readSector(sector []byte, segment, place uint32) (header, []byte, condition) {
	if bytes.Equal(sector, zeroSector[:]) {
		return header{}, nil, blank
	}
	if binary.LittleEndian.Uint32(sector) != crc32.Checksum(sector[4:], castagnoli) {
		return header{}, nil, rotten
	}
	word := func(offset int) uint32 { return binary.LittleEndian.Uint32(sector[offset:]) }
	h := header{
		kind:     word(4),
		segment:  word(8),
		place:    word(12),
		sequence: binary.LittleEndian.Uint64(sector[16:]),
		synced:   binary.LittleEndian.Uint64(sector[24:]),
		epoch:    word(32),
		part:     word(36),
		parts:    word(40),
		length:   word(44),
		extent:   word(48),
	}
	known := h.kind == kindRecord || h.kind == kindMark
	if !known || h.segment != segment || h.place != place || h.length > bodySize || h.part >= h.parts {
		return h, nil, rotten
	}
	return h, sector[headerSize : headerSize+h.length], whole
}
