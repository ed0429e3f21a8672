package wal

import (
	"encoding/binary"
	"slices"
	"time"

	"lockd/raft"
)

// record is one unit of the log: it is there wholly or not at all.
//
//	term 8 | vote 8 | base 1 | [base index 8 | base term 8 | [damage]] | entries
//	damage:  end index 8 | end term 8 | runs 4 | entries ...
//	entries: count 4 | entry ...
//	entry:   index 8 | term 8 | kind 1 | time 8 | length 4 | data
type record struct {
	term raft.Term
	vote raft.ID
	base base
	// damage is what a log that begins anew lacks: with baseAnew and baseDoubt alone.
	damage raft.Damage
	// entries replace what the log holds at the first one's index and beyond.
	entries []raft.Entry
}

// base says that a snapshot stands under the log from this record on.
type base struct {
	kind  baseKind
	index raft.Index
	term  raft.Term
}

type baseKind uint8

const (
	baseNone    baseKind = 0 // the log goes on as it was
	baseUnder   baseKind = 1 // entries up to the snapshot's are forgotten, later ones stay
	baseReplace baseKind = 2 // the whole log is forgotten
	baseAnew    baseKind = 3 // the same, and here is all that was left of it: see anew.go
	baseDoubt   baseKind = 4 // the same, and its last record was not
)

// anew tells whether all that was left of a log is in the record.
func (b base) anew() bool { return b.kind == baseAnew || b.kind == baseDoubt }

const (
	recordFixedSize = 8 + 8 + 1 + 4
	entryFixedSize  = 8 + 8 + 1 + 8 + 4
)

func appendRecord(buffer []byte, r record) []byte {
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(r.term))
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(r.vote))
	buffer = append(buffer, byte(r.base.kind))
	if r.base.kind != baseNone {
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(r.base.index))
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(r.base.term))
	}
	if r.base.anew() {
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(r.damage.End.Index))
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(r.damage.End.Term))
		buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(r.damage.Behind)))
		for _, run := range r.damage.Behind {
			buffer = appendEntries(buffer, run)
		}
	}
	return appendEntries(buffer, r.entries)
}

func appendEntries(buffer []byte, entries []raft.Entry) []byte {
	buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(entries)))
	for i := range entries {
		entry := &entries[i]
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(entry.Index))
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(entry.Term))
		buffer = append(buffer, byte(entry.Kind))
		buffer = binary.LittleEndian.AppendUint64(buffer, uint64(entry.Time))
		buffer = binary.LittleEndian.AppendUint32(buffer, uint32(len(entry.Data)))
		buffer = append(buffer, entry.Data...)
	}
	return buffer
}

// decodeRecord is the inverse of appendRecord. The entries' data are slices of the body.
// It is false for anything that appendRecord cannot have written.
//
// The entries stand in room if there is enough of it.
func decodeRecord(body []byte, room []raft.Entry) (record, bool) {
	in := decoder{rest: body}
	r := record{term: raft.Term(in.uint64()), vote: raft.ID(in.uint64())}
	r.base.kind = baseKind(in.uint8())
	if r.base.kind > baseDoubt {
		return record{}, false
	}
	if r.base.kind != baseNone {
		r.base.index = raft.Index(in.uint64())
		r.base.term = raft.Term(in.uint64())
	}
	if r.base.anew() {
		r.damage = in.damage()
		r.damage.Doubt = r.base.kind == baseDoubt
	}
	r.entries = in.entries(room)
	return r, in.done()
}

// decoder reads little-endian fields. Once the bytes have run out it gives zeros, and
// done says so in the end.
type decoder struct {
	rest  []byte
	short bool // it ran out, or what was read makes no sense
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.short, d.rest = true, nil
		return nil
	}
	field := d.rest[:n:n]
	d.rest = d.rest[n:]
	return field
}

func (d *decoder) uint8() uint8 {
	if field := d.bytes(1); field != nil {
		return field[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if field := d.bytes(4); field != nil {
		return binary.LittleEndian.Uint32(field)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if field := d.bytes(8); field != nil {
		return binary.LittleEndian.Uint64(field)
	}
	return 0
}

func (d *decoder) entry() raft.Entry {
	entry := raft.Entry{
		Index: raft.Index(d.uint64()),
		Term:  raft.Term(d.uint64()),
		Kind:  raft.Kind(d.uint8()),
		Time:  time.Duration(d.uint64()),
	}
	if length := int(d.uint32()); length > 0 {
		entry.Data = d.bytes(length)
	}
	return entry
}

// entries reads a contiguous row of them.
func (d *decoder) entries(room []raft.Entry) []raft.Entry {
	count := int(d.uint32())
	// A count that cannot fit must not be believed with memory.
	if count > len(d.rest)/entryFixedSize {
		d.short = true
	}
	if count == 0 || d.short {
		return nil
	}
	entries := slices.Grow(room[:0], count)[:count]
	for i := range entries {
		entries[i] = d.entry()
		if i > 0 && entries[i].Index != entries[i-1].Index+1 {
			d.short = true
		}
	}
	return entries
}

func (d *decoder) damage() raft.Damage {
	lost := raft.Damage{End: raft.Position{Index: raft.Index(d.uint64()), Term: raft.Term(d.uint64())}}
	for count := d.uint32(); count > 0 && !d.short; count-- {
		run := d.entries(nil)
		d.short = d.short || len(run) == 0
		lost.Behind = append(lost.Behind, run)
	}
	return lost
}

// done reports whether the fields used up the bytes exactly.
func (d *decoder) done() bool { return !d.short && len(d.rest) == 0 }
