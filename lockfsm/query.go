package lockfsm

import (
	"strings"
	"time"
)

// Unnumbered appends a Withdraw for each waiter whose Acquire had no number, in the order of names and places. It looks
// at every waiter there is.
func (m *Machine) Unnumbered(dst []Withdraw) []Withdraw {
	for at := (queueKey{}); ; at.place++ {
		next, w, found := m.queue.ceiling(at)
		if !found {
			return dst
		}
		if w.sequence == 0 {
			dst = append(dst, Withdraw{Name: next.name, Place: next.place})
		}
		at = next
	}
}

// Time is the cluster time of the last entry.
func (m *Machine) Time() time.Duration { return m.time }

// Revision is the index of the last entry.
func (m *Machine) Revision() uint64 { return m.revision }

// Last is the highest token ever granted.
func (m *Machine) Last() Token { return m.last }

// Current is the token under which a lock is held, zero if it is free.
func (m *Machine) Current(name string) Token {
	held, _ := m.locks.get(nameKey(name))
	return held.token
}

// Lock shows one lock, free or held. Its Value belongs to the machine and must not be changed.
func (m *Machine) Lock(name string) LockView {
	held, found := m.locks.get(nameKey(name))
	if !found {
		return LockView{Name: name}
	}
	return m.lockView(name, held)
}

func (m *Machine) lockView(name string, held lock) LockView {
	holder, _ := m.sessions.get(sessionKey(held.session))
	return LockView{
		Name:    name,
		Token:   held.token,
		Session: held.session,
		Owner:   holder.owner,
		Value:   held.value,
		Since:   held.since,
		Left:    max(0, holder.deadline-m.time),
		Waiters: held.waiters,
	}
}

// Locks lists held locks whose name begins with a prefix and comes after another name
// (empty: from the first one), in the order of their names' bytes, at most limit of them.
// more says that there are others behind.
func (m *Machine) Locks(prefix, after string, limit int) (views []LockView, more bool) {
	for name, held := range m.locks.from(nameKey(max(prefix, after))) {
		switch {
		case string(name) == after:
			continue
		case !strings.HasPrefix(string(name), prefix):
			return views, false
		case len(views) >= limit:
			return views, true
		}
		views = append(views, m.lockView(string(name), held))
	}
	return views, false
}

// Waiters lists a lock's queue behind a place (zero: from the front), at most limit of them.
func (m *Machine) Waiters(name string, after Place, limit int) (views []WaiterView) {
	for at, w := range m.queue.from(queueKey{name, after}) {
		if at.place == after && at.name == name {
			continue
		}
		if at.name != name || len(views) >= limit {
			break
		}
		s, _ := m.sessions.get(sessionKey(w.session))
		views = append(views, WaiterView{Place: at.place, Session: w.session, Owner: s.owner, Since: w.since, Until: w.until})
	}
	return views
}

// Session shows one session, if it lives.
func (m *Machine) Session(id SessionID) (SessionView, bool) {
	s, found := m.sessions.get(sessionKey(id))
	if !found {
		return SessionView{}, false
	}
	return m.sessionView(id, s), true
}

func (m *Machine) sessionView(id SessionID, s session) SessionView {
	return SessionView{
		Session: id,
		Owner:   s.owner,
		TTL:     s.ttl,
		Left:    max(0, s.deadline-m.time),
		Held:    s.held,
		Waiting: s.waiting,
	}
}

// Sessions lists live sessions with a higher number than after, in the order in which
// they were opened, at most limit of them. more says that there are others behind.
func (m *Machine) Sessions(after SessionID, limit int) (views []SessionView, more bool) {
	for id, s := range m.sessions.from(sessionKey(after)) {
		if SessionID(id) == after {
			continue
		}
		if len(views) >= limit {
			return views, true
		}
		views = append(views, m.sessionView(SessionID(id), s))
	}
	return views, false
}

// Counts are the sizes of the machine and what it has done.
func (m *Machine) Counts() Counts {
	return Counts{
		Sessions: m.sessions.len(),
		Locks:    m.locks.len(),
		Waiters:  m.queue.len(),
		Requests: m.requests.len(),
		Grants:   m.done.grants,
		Releases: m.done.releases,
		Expiries: m.done.expiries,
		TimedOut: m.done.timedOut,
		Cancels:  m.done.cancels,
	}
}

// NextExpiry is the earliest deadline of a session: before it, Due is empty.
func (m *Machine) NextExpiry() (time.Duration, bool) {
	first, _, found := m.expiry.ceiling(expiryKey{})
	return first.deadline, found
}

// Due appends to dst the sessions whose deadline is not after a time, the earliest first,
// until dst holds limit of them: what a leader proposes in an Expire.
func (m *Machine) Due(dst []Expiry, at time.Duration, limit int) []Expiry {
	for due := range m.expiry.all() {
		if due.deadline > at || len(dst) >= limit {
			break
		}
		dst = append(dst, Expiry{Session: due.session, Deadline: due.deadline})
	}
	return dst
}

// NextWait is the earliest time at which a waiter gives up. Any entry of that time or later settles it.
func (m *Machine) NextWait() (time.Duration, bool) {
	first, _, found := m.deadlines.ceiling(deadlineKey{})
	return first.until, found
}
