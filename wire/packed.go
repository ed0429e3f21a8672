package wire

import (
	"encoding/binary"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
)

// From version 2 on the two messages that members exchange all the time, Append and its answer, are packed. They have kinds of their own, and after from
// and to all numbers are varints:
//
//	Append:    term | previous index | previous term | commit | round | count | entries
//	entry:     index | term | kind 1 | time | length | data
//	Appended:  term | round | match | full 1 | version 1
//
// An entry's numbers are told by how much they are more than those of the one before it, as zigzag varints: of the first, than the
// previous index and term, and than no time. As a rule that is 1 for the index and 0 for the term, and takes a byte.

const packed lockfsm.Version = 2

// needs is the version that a kind of message needs to be in force.
func (k kind) needs() lockfsm.Version {
	if k == kindAppendPacked || k == kindAppendedPacked {
		return packed
	}
	return lockfsm.Oldest
}

// pack is the kind that a message has in a version.
func (k kind) pack(v lockfsm.Version) kind {
	switch {
	case v < packed:
	case k == kindAppend:
		return kindAppendPacked
	case k == kindAppended:
		return kindAppendedPacked
	}
	return k
}

func (c *cursor) packed(message raft.Message) {
	switch m := message.(type) {
	case *raft.Append:
		varint(c, &m.Term)
		varint(c, &m.PrevIndex)
		varint(c, &m.PrevTerm)
		varint(c, &m.Commit)
		varint(c, &m.Round)
		c.packedEntries(&m.Entries, raft.Entry{Index: m.PrevIndex, Term: m.PrevTerm})
	case *raft.Appended:
		varint(c, &m.Term)
		varint(c, &m.Round)
		varint(c, &m.Match)
		c.boolean(&m.Full)
		c.byte(&m.Version)
	}
}

const packedEntrySize = 5 // without its data, at least

func (c *cursor) packedEntries(value *[]raft.Entry, before raft.Entry) {
	n := uint64(len(*value))
	varint(c, &n)
	if !c.writing && n > uint64(len(c.rest)/packedEntrySize) {
		c.fail("%d entries of %d bytes or more are claimed and %d bytes are left", n, packedEntrySize, len(c.rest))
		return
	}
	if !c.writing && n > 0 {
		*value = make([]raft.Entry, n)
	}
	for i := range *value {
		e := &(*value)[i]
		more(c, &e.Index, before.Index)
		more(c, &e.Term, before.Term)
		c.kind(e)
		more(c, &e.Time, before.Time)
		c.packedData(&e.Data)
		before = *e
	}
}

// packedData reads as nil when it is empty, and else aliases the input.
func (c *cursor) packedData(value *[]byte) {
	n := uint64(len(*value))
	varint(c, &n)
	switch {
	case c.writing:
		c.bytes = append(c.bytes, *value...)
	case n > uint64(len(c.rest)):
		c.fail("%d bytes are wanted and %d are left", n, len(c.rest))
	case n > 0:
		*value = c.take(int(n))
	}
}

// varint is a number in as few bytes as it takes.
func varint[N ~uint64](c *cursor, value *N) {
	if c.writing {
		c.bytes = binary.AppendUvarint(c.bytes, uint64(*value))
		return
	}
	n, size := binary.Uvarint(c.rest)
	if size <= 0 || size > 1 && c.rest[size-1] == 0 {
		c.fail("a number that ends too early, is too long, or has more bytes than it takes")
		return
	}
	c.rest, *value = c.rest[size:], N(n)
}

// more is a number by how much it is more than another one.
func more[N ~uint64 | time.Duration](c *cursor, value *N, than N) {
	difference := int64(*value - than)
	folded := uint64(difference)<<1 ^ uint64(difference>>63)
	varint(c, &folded)
	if !c.writing {
		*value = than + N(int64(folded>>1)^-int64(folded&1))
	}
}
