package lockfsm

import (
	"fmt"
	"time"
)

// Restore rebuilds the machine of which data is the encoded snapshot. The error is a
// *FormatError: of a later version (then it wraps a *VersionError), damaged, or breaking an invariant of Check. The
// machine shares no memory with data.
func Restore(data []byte) (*Machine, error) {
	r := newReader("snapshot", data)
	m := New()
	r.readVersion()
	m.version = r.version
	m.readHeader(r)
	readTree(r, m.readSession)
	readTree(r, m.readLock)
	readTree(r, m.readWaiter)
	readTree(r, m.readKept)
	if err := r.end(); err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, &FormatError{What: r.what, Offset: len(data), Cause: fmt.Errorf("%w: %w", ErrInvariant, err)}
	}
	return m, nil
}

// readTree reads a tree's records one by one. Each puts itself where it belongs, and
// complains if it does not come after the one before it or points at something that does
// not exist: what the trees then contain, Check can judge.
func readTree[K key[K]](r *reader, record func(*reader) (K, bool)) {
	var last K
	for i := range r.size(1) {
		at, sound := record(r)
		if !sound || i > 0 && at.compare(last) <= 0 {
			r.fail(ErrInvariant)
		}
		if r.err != nil {
			return
		}
		last = at
	}
}

func (m *Machine) readHeader(r *reader) {
	m.revision = r.unsigned()
	m.time = time.Duration(r.signed())
	m.last = Token(r.unsigned())
	m.digest = hash(r.unsigned())
	for _, count := range []*uint64{&m.done.grants, &m.done.releases, &m.done.expiries, &m.done.timedOut, &m.done.cancels} {
		*count = r.unsigned()
	}
}

func (m *Machine) readSession(r *reader) (sessionKey, bool) {
	id := sessionKey(r.unsigned())
	s := session{
		nonce:        r.unsigned(),
		ttl:          time.Duration(r.signed()),
		deadline:     time.Duration(r.signed()),
		owner:        r.text(),
		acknowledged: Sequence(r.unsigned()),
	}
	m.sessions.set(id, s)
	m.expiry.set(expiryKey{s.deadline, SessionID(id)}, struct{}{})
	if s.nonce != 0 {
		m.nonces.set(numberKey(s.nonce), SessionID(id))
	}
	return id, true
}

func (m *Machine) readLock(r *reader) (nameKey, bool) {
	name := r.text()
	l := lock{
		token:   Token(r.unsigned()),
		session: SessionID(r.unsigned()),
		place:   Place(r.unsigned()),
		since:   time.Duration(r.signed()),
		value:   r.blob(),
	}
	holder := m.sessions.edit(sessionKey(l.session))
	if holder == nil {
		return "", false
	}
	holder.held++
	m.locks.set(nameKey(name), l)
	m.grants.set(tokenKey(l.token), name)
	m.held.set(heldKey{l.session, l.token}, struct{}{})
	return nameKey(name), true
}

func (m *Machine) readWaiter(r *reader) (queueKey, bool) {
	at := queueKey{name: r.text(), place: Place(r.unsigned())}
	w := waiter{
		session:  SessionID(r.unsigned()),
		sequence: Sequence(r.unsigned()),
		since:    time.Duration(r.signed()),
		until:    time.Duration(r.signed()),
		value:    r.blob(),
	}
	s, l := m.sessions.edit(sessionKey(w.session)), m.locks.edit(nameKey(at.name))
	if s == nil || l == nil {
		return queueKey{}, false
	}
	s.waiting++
	l.waiters++
	m.queue.set(at, w)
	m.waits.set(waitKey{w.session, at.place}, at.name)
	if w.until != Forever {
		m.deadlines.set(deadlineKey{w.until, at.place}, at.name)
	}
	return at, true
}

func (m *Machine) readKept(r *reader) (requestKey, bool) {
	at := requestKey{SessionID(r.unsigned()), Sequence(r.unsigned())}
	kept := request{
		fingerprint: hash(r.unsigned()),
		kind:        kind(r.byte()),
		status:      Status(r.byte()),
		name:        r.text(),
		token:       Token(r.unsigned()),
		place:       Place(r.unsigned()),
		revision:    r.unsigned(),
	}
	s := m.sessions.edit(sessionKey(at.session))
	if s == nil {
		return requestKey{}, false
	}
	s.requests++
	s.newest = max(s.newest, at.sequence)
	m.requests.set(at, kept)
	return at, true
}
