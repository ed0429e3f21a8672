package lockfsm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What can be wrong with bytes; a FormatError wraps one of them.
var (
	ErrTruncated = errors.New("ends too early")
	ErrTrailing  = errors.New("has bytes left over")
	ErrVersion   = errors.New("has an unknown version")
	ErrKind      = errors.New("has an unknown kind of command")
	ErrNumber    = errors.New("has a malformed number") // above 64 bits, or written longer than it needs
	ErrLength    = errors.New("claims more than there is")
	ErrInvariant = errors.New("contradicts itself")
)

// FormatError says what was being read, how far the reading had come, and what was wrong.
type FormatError struct {
	What   string // "command" or "snapshot"
	Offset int    // bytes from the beginning
	Cause  error
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("lockfsm: %s %v (byte %d)", e.What, e.Cause, e.Offset)
}

func (e *FormatError) Unwrap() error { return e.Cause }

// reader takes fields off the front of bytes. After its first error it yields zeroes, so
// that a sequence of fields can be read without asking after each.
//
// There is one encoding for each value: equal states have equal bytes, and a digest of
// the bytes is a digest of the value. So a number that could be written shorter is an error.
type reader struct {
	what string
	data []byte
	rest []byte
	err  error

	version Version // of what is read
}

func newReader(what string, data []byte) *reader {
	return &reader{what: what, data: data, rest: data}
}

func (r *reader) fail(cause error) {
	if r.err == nil {
		r.err = &FormatError{What: r.what, Offset: len(r.data) - len(r.rest), Cause: cause}
	}
	r.rest = nil
}

// readVersion reads the first byte of everything.
func (r *reader) readVersion() {
	r.version = Version(r.byte())
	switch {
	case r.err != nil:
	case r.version > Newest:
		r.fail(&VersionError{Needed: r.version, Supported: Newest})
	case r.version < Oldest:
		r.fail(ErrVersion)
	}
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail(ErrTruncated)
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) unsigned() uint64 {
	value, size := binary.Uvarint(r.rest)
	switch {
	case size == 0:
		r.fail(ErrTruncated)
		return 0
	case size < 0 || size > 1 && r.rest[size-1] == 0:
		r.fail(ErrNumber)
		return 0
	}
	r.rest = r.rest[size:]
	return value
}

// signed undoes the zigzag in which small negative numbers are short, as binary.Varint does.
func (r *reader) signed() int64 {
	folded := r.unsigned()
	return int64(folded>>1) ^ -int64(folded&1)
}

// bytes returns a part of the data itself; whoever keeps it must copy it.
func (r *reader) bytes() []byte {
	size := r.unsigned()
	if size > uint64(len(r.rest)) {
		r.fail(ErrLength)
		return nil
	}
	part := r.rest[:size]
	r.rest = r.rest[size:]
	return part
}

func (r *reader) text() string { return string(r.bytes()) }

// blob is a copy of its own; empty is nil.
func (r *reader) blob() []byte { return append([]byte(nil), r.bytes()...) }

// size reads how many elements follow. Each takes at least minimum bytes, so that nobody
// makes room for more than the data can hold.
func (r *reader) size(minimum int) int {
	size := r.unsigned()
	if size > uint64(len(r.rest)/minimum) {
		r.fail(ErrLength)
		return 0
	}
	return int(size)
}

// end returns the first error, or ErrTrailing if not all was read.
func (r *reader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail(ErrTrailing)
	}
	return r.err
}

func appendText[T ~string | ~[]byte](dst []byte, text T) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}
