package lockfsm

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// chunkSize is about how long a piece of an encoded snapshot is.
const chunkSize = 64 << 10

// Snapshot is a machine as it was. It never changes, whatever its machine goes on to do,
// and may be encoded by another goroutine meanwhile.
type Snapshot struct{ primary }

// Snapshot is O(1): the machine and the snapshot share their nodes, and the machine copies
// those that it goes on to write.
func (m *Machine) Snapshot() *Snapshot {
	frozen := m.primary
	frozen.sessions = m.sessions.clone()
	frozen.locks = m.locks.clone()
	frozen.queue = m.queue.clone()
	frozen.requests = m.requests.clone()
	return &Snapshot{frozen}
}

// Revision is the index of the last entry that the snapshot contains.
func (s *Snapshot) Revision() uint64 { return s.revision }

// Encode returns all chunks as one. Equal states have equal bytes.
//
// They are put together at the end, piece by piece: the garbage collector stops everybody until whoever copies has come to an end of it, and to copy
// a hundred megabytes, as a slice that grows does, takes longer than an election has time for.
func (s *Snapshot) Encode() []byte {
	var pieces [][]byte
	size := 0
	for chunk := range s.Chunks() {
		pieces = append(pieces, bytes.Clone(chunk))
		size += len(chunk)
	}
	data := make([]byte, 0, size)
	for _, piece := range pieces {
		data = append(data, piece...)
	}
	return data
}

// Chunks yields the encoding in pieces of about 64 KiB. Each is valid only until the next.
//
//	version   byte      the one in force
//	header              revision, time, last token, digest, what was done (five numbers)
//	sessions  number    how many, then each: id, nonce, TTL, deadline, owner, acknowledged
//	locks     number    how many, then each: name, token, session, place, since, value
//	waiters   number    how many, then each: name, place, session, sequence, since, until, value
//	requests  number    how many, then each: session, sequence, fingerprint, kind, status, name,
//	                    token, place, revision
//
// Records stand in the order of their keys. Numbers are varints, durations zigzag varints, texts have their
// length in front. Whatever follows from the rest is left out. There is no
// checksum: that is the business of whoever stores or sends the bytes.
func (s *Snapshot) Chunks() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		records := s.sessions.len() + s.locks.len() + s.queue.len() + s.requests.len()
		w := &writer{yield: yield, buffer: make([]byte, 0, min(chunkSize+chunkSize/4, 64*(records+1)))}
		w.buffer = append(w.buffer, byte(s.version))
		w.buffer = appendHeader(w.buffer, &s.primary)
		if writeTree(w, &s.sessions, appendSession) && writeTree(w, &s.locks, appendLock) &&
			writeTree(w, &s.queue, appendWaiter) && writeTree(w, &s.requests, appendKept) {
			yield(w.buffer)
		}
	}
}

// writer collects records until they make a chunk.
type writer struct {
	yield  func([]byte) bool
	buffer []byte
}

// flush hands over a full buffer, and says whether anybody wants more.
func (w *writer) flush() bool {
	if len(w.buffer) < chunkSize {
		return true
	}
	wanted := w.yield(w.buffer)
	w.buffer = w.buffer[:0]
	return wanted
}

func writeTree[K key[K], V any](w *writer, t *tree[K, V], record func([]byte, K, V) []byte) bool {
	w.buffer = binary.AppendUvarint(w.buffer, uint64(t.len()))
	for k, v := range t.all() {
		w.buffer = record(w.buffer, k, v)
		if !w.flush() {
			return false
		}
	}
	return true
}

func appendHeader(dst []byte, p *primary) []byte {
	dst = binary.AppendUvarint(dst, p.revision)
	dst = binary.AppendVarint(dst, int64(p.time))
	dst = binary.AppendUvarint(dst, uint64(p.last))
	dst = binary.AppendUvarint(dst, uint64(p.digest))
	for _, count := range []uint64{p.done.grants, p.done.releases, p.done.expiries, p.done.timedOut, p.done.cancels} {
		dst = binary.AppendUvarint(dst, count)
	}
	return dst
}

func appendSession(dst []byte, id sessionKey, s session) []byte {
	dst = binary.AppendUvarint(dst, uint64(id))
	dst = binary.AppendUvarint(dst, s.nonce)
	dst = binary.AppendVarint(dst, int64(s.ttl))
	dst = binary.AppendVarint(dst, int64(s.deadline))
	dst = appendText(dst, s.owner)
	return binary.AppendUvarint(dst, uint64(s.acknowledged))
}

func appendLock(dst []byte, name nameKey, l lock) []byte {
	dst = appendText(dst, name)
	dst = binary.AppendUvarint(dst, uint64(l.token))
	dst = binary.AppendUvarint(dst, uint64(l.session))
	dst = binary.AppendUvarint(dst, uint64(l.place))
	dst = binary.AppendVarint(dst, int64(l.since))
	return appendText(dst, l.value)
}

func appendWaiter(dst []byte, at queueKey, w waiter) []byte {
	dst = appendText(dst, at.name)
	dst = binary.AppendUvarint(dst, uint64(at.place))
	dst = binary.AppendUvarint(dst, uint64(w.session))
	dst = binary.AppendUvarint(dst, uint64(w.sequence))
	dst = binary.AppendVarint(dst, int64(w.since))
	dst = binary.AppendVarint(dst, int64(w.until))
	return appendText(dst, w.value)
}

func appendKept(dst []byte, at requestKey, r request) []byte {
	dst = binary.AppendUvarint(dst, uint64(at.session))
	dst = binary.AppendUvarint(dst, uint64(at.sequence))
	dst = binary.AppendUvarint(dst, uint64(r.fingerprint))
	dst = append(dst, byte(r.kind), byte(r.status))
	dst = appendText(dst, r.name)
	dst = binary.AppendUvarint(dst, uint64(r.token))
	dst = binary.AppendUvarint(dst, uint64(r.place))
	return binary.AppendUvarint(dst, r.revision)
}
