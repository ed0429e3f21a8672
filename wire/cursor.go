package wire

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"

	"lockd/raft"
)

// A cursor walks over a message's fields and either appends each to bytes or takes each from
// bytes. A message is described once, as a list of fields, for both directions: a field that
// is written but not read, or in another order, cannot be expressed.
//
// In reading, the first failure sticks: later fields are left as they are.
type cursor struct {
	what    string // for errors
	writing bool
	bytes   []byte // writing: all that was written
	rest    []byte // reading: what is still to be read
	length  int    // reading: of the whole
	failure *Malformed
}

// fail records why reading cannot go on. Nothing is left to read, so that whatever is asked
// for after it fails too.
func (c *cursor) fail(format string, arguments ...any) {
	if c.failure != nil {
		return
	}
	c.failure = &Malformed{What: c.what, At: c.length - len(c.rest), Why: fmt.Sprintf(format, arguments...)}
	c.rest = nil
}

// end closes reading: bytes behind the last field belong to a format that is not ours.
func (c *cursor) end() error {
	if c.failure == nil && len(c.rest) > 0 {
		c.fail("%d bytes behind the end", len(c.rest))
	}
	if c.failure != nil {
		return c.failure
	}
	return nil
}

// take returns the next n bytes of the input, which alias it, or nil after a failure.
func (c *cursor) take(n int) []byte {
	if c.failure != nil {
		return nil
	}
	if n > len(c.rest) {
		c.fail("%d bytes are wanted and %d are left", n, len(c.rest))
		return nil
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken
}

func (c *cursor) byte(value *byte) {
	if c.writing {
		c.bytes = append(c.bytes, *value)
	} else if b := c.take(1); b != nil {
		*value = b[0]
	}
}

func (c *cursor) boolean(value *bool) {
	var b byte
	if *value {
		b = 1
	}
	c.byte(&b)
	if b > 1 {
		c.fail("%d is neither true nor false", b)
	}
	if !c.writing {
		*value = b == 1
	}
}

// number is a method in all but syntax: methods have no type parameters.
func number[N ~uint64](c *cursor, value *N) {
	if c.writing {
		c.bytes = binary.BigEndian.AppendUint64(c.bytes, uint64(*value))
	} else if b := c.take(8); b != nil {
		*value = N(binary.BigEndian.Uint64(b))
	}
}

func (c *cursor) duration(value *time.Duration) {
	n := uint64(*value)
	number(c, &n)
	if !c.writing {
		*value = time.Duration(n)
	}
}

// count is the number of things that follow, each of which takes at least `least` bytes. A
// count that the remaining bytes cannot hold fails before anybody allocates by it.
func (c *cursor) count(length, least int) int {
	if c.writing {
		c.bytes = binary.BigEndian.AppendUint32(c.bytes, uint32(length))
		return length
	}
	b := c.take(4)
	if b == nil {
		return 0
	}
	claimed := binary.BigEndian.Uint32(b)
	if uint64(claimed)*uint64(least) > uint64(len(c.rest)) {
		c.fail("%d things of %d bytes or more are claimed and %d bytes are left", claimed, least, len(c.rest))
		return 0
	}
	return int(claimed)
}

// data reads as nil when it is empty, and else aliases the input.
func (c *cursor) data(value *[]byte) {
	n := c.count(len(*value), 1)
	if c.writing {
		c.bytes = append(c.bytes, *value...)
	} else if n > 0 {
		*value = c.take(n)
	}
}

// raw is data of a length that both sides know.
func (c *cursor) raw(value []byte) {
	if c.writing {
		c.bytes = append(c.bytes, value...)
	} else {
		copy(value, c.take(len(value)))
	}
}

func (c *cursor) text(value *string, most int) {
	if c.writing {
		b := []byte(*value)
		c.data(&b)
		return
	}
	var b []byte
	c.data(&b)
	if len(b) > most {
		c.fail("a text of %d bytes, more than %d", len(b), most)
	}
	if !utf8.Valid(b) {
		c.fail("a text that is not UTF-8")
	}
	*value = string(b)
}

const memberSize = 8 + 8

// full stands in the place of a count of members before a membership that is more than voters without addresses.
const full = 1<<32 - 1

func (c *cursor) membership(value *raft.Membership) {
	if c.fullMembership(value) {
		return
	}
	n := c.count(len(value.Members), memberSize)
	if !c.writing && n > 0 {
		value.Members = make([]raft.Member, n)
	}
	for i := range value.Members {
		number(c, &value.Members[i].ID)
		number(c, &value.Members[i].Incarnation)
	}
}

// fullMembership tells whether the membership is a full one, and if so, writes or reads it as it stands in the log.
func (c *cursor) fullMembership(value *raft.Membership) bool {
	if c.writing {
		if value.Plain() {
			return false
		}
		encoded := raft.AppendMembership(nil, *value)
		c.bytes = binary.BigEndian.AppendUint32(c.bytes, full)
		c.data(&encoded)
		return true
	}
	if len(c.rest) < 4 || binary.BigEndian.Uint32(c.rest) != full {
		return false
	}
	c.take(4)
	var encoded []byte
	c.data(&encoded)
	decoded, err := raft.DecodeMembership(encoded)
	if err != nil || decoded.Plain() {
		c.fail("a membership that is none: %v", err)
		return true
	}
	*value = decoded
	return true
}

const entrySize = 8 + 8 + 1 + 8 + 4 // without its data

func (c *cursor) entries(value *[]raft.Entry) {
	n := c.count(len(*value), entrySize)
	if !c.writing && n > 0 {
		*value = make([]raft.Entry, n)
	}
	for i := range *value {
		c.entry(&(*value)[i])
	}
}

func (c *cursor) entry(value *raft.Entry) {
	number(c, &value.Index)
	number(c, &value.Term)
	c.kind(value)
	c.duration(&value.Time)
	c.data(&value.Data)
}

func (c *cursor) kind(value *raft.Entry) {
	c.byte((*byte)(&value.Kind))
	if !c.writing && (value.Kind < raft.KindCommand || value.Kind > raft.KindMembers) {
		c.fail("entry %d is of unknown kind %d", value.Index, value.Kind)
	}
}
