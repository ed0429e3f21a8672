package fence

import (
	"bytes"
	"encoding/binary"
	"hash/crc64"
)

// The file of marks is a header and any number of records, all of 64 bytes, numbers
// little-endian:
//
//	          0        8       16                              48       56       64
//	header    | text, then zeros                               | sealed |  crc   |
//	record    | ordinal | token | SHA-256 of the resource name | zeros  |  crc   |
//
// The crc (CRC-64/ECMA) covers the 56 bytes before it. Records count from 1 by ordinal, so
// that one written to a wrong place is noticed. The mark of a resource is the highest token
// among its records.
//
// The file comes into being whole, by renaming, with `sealed` records in it; later records
// are appended and synced one at a time. So a crash can leave at most one record unfinished,
// and that one lies at the very end, behind the sealed ones. Its 64 bytes share one sector of
// the disk (64 divides 512) and a sector is written as one: what is left of it is too short,
// or is the zeros by which a file system lengthened the file before the data came. Only this
// is cut. A record of full length whose crc is wrong is not a crash but damage, be it the
// last: cutting it would lower a mark for which an operation may have been carried out.
const (
	recordSize = 64
	crcOffset  = 56
	formatText = "lockd fence marks, version 1\n"
	textSize   = 48
)

var crcTable = crc64.MakeTable(crc64.ECMA)

// mark is the highest token seen for the resource of that name.
type mark struct {
	name  digest
	token Token
}

// encodeFile returns a file with these marks, all sealed.
func encodeFile(marks map[digest]Token) []byte {
	file := make([]byte, 0, recordSize*(1+len(marks)))
	file = append(file, encodeHeader(len(marks))...)
	ordinal := 0
	for name, token := range marks {
		ordinal++
		file = append(file, encodeRecord(ordinal, mark{name, token})...)
	}
	return file
}

func encodeHeader(sealed int) []byte {
	block := make([]byte, recordSize)
	copy(block, formatText)
	binary.LittleEndian.PutUint64(block[textSize:], uint64(sealed))
	return seal(block)
}

func encodeRecord(ordinal int, mark mark) []byte {
	block := make([]byte, recordSize)
	binary.LittleEndian.PutUint64(block[0:], uint64(ordinal))
	binary.LittleEndian.PutUint64(block[8:], uint64(mark.token))
	copy(block[16:], mark.name[:])
	return seal(block)
}

// seal puts the crc into the block.
func seal(block []byte) []byte {
	binary.LittleEndian.PutUint64(block[crcOffset:], crc64.Checksum(block[:crcOffset], crcTable))
	return block
}

func intact(block []byte) bool {
	return binary.LittleEndian.Uint64(block[crcOffset:]) == crc64.Checksum(block[:crcOffset], crcTable)
}

// decodeFile returns the marks in the file, without a record left unfinished at its end. An
// error is a *DamageError that does not name the file yet.
func decodeFile(file []byte) (map[digest]Token, error) {
	sealed, err := decodeHeader(file)
	if err != nil {
		return nil, err
	}
	marks := make(map[digest]Token)
	for ordinal := 1; ; ordinal++ {
		offset := ordinal * recordSize
		rest := file[offset:]
		if uint64(ordinal) > sealed && unfinished(rest) {
			return marks, nil
		}
		if len(rest) < recordSize {
			return nil, &DamageError{Offset: int64(offset), Reason: "the file ends before its sealed records do"}
		}
		found, reason := decodeRecord(rest[:recordSize], ordinal)
		if reason != "" {
			return nil, &DamageError{Offset: int64(offset), Reason: reason}
		}
		marks[found.name] = max(marks[found.name], found.token)
	}
}

// unfinished tells whether the rest of a file is what a crash may leave of the last append,
// which may be nothing at all.
func unfinished(rest []byte) bool {
	if len(rest) < recordSize {
		return true
	}
	return len(rest) == recordSize && len(bytes.Trim(rest, "\x00")) == 0
}

// decodeHeader returns how many records are sealed.
func decodeHeader(file []byte) (sealed uint64, err error) {
	if len(file) < recordSize {
		return 0, &DamageError{Reason: "the file is shorter than its header"}
	}
	block := file[:recordSize]
	if !intact(block) {
		return 0, &DamageError{Reason: "the header's checksum is wrong"}
	}
	if text := bytes.TrimRight(block[:textSize], "\x00"); string(text) != formatText {
		return 0, &DamageError{Reason: "the header does not say \"lockd fence marks, version 1\""}
	}
	return binary.LittleEndian.Uint64(block[textSize:]), nil
}

// decodeRecord returns the mark, or the reason why the block is not the record of this
// ordinal.
func decodeRecord(block []byte, ordinal int) (found mark, reason string) {
	if !intact(block) {
		return mark{}, "the record's checksum is wrong"
	}
	if binary.LittleEndian.Uint64(block) != uint64(ordinal) {
		return mark{}, "the record belongs to another place"
	}
	found = mark{name: digest(block[16:48]), token: Token(binary.LittleEndian.Uint64(block[8:]))}
	if found.token == 0 {
		return mark{}, "the record's token is zero"
	}
	return found, ""
}
