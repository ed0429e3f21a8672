package lockfsm

// open begins a session, named by the index of its entry.
func (m *Machine) open(c Open) Result {
	if id, found := m.nonces.get(numberKey(c.Nonce)); found {
		known, _ := m.sessions.get(sessionKey(id))
		return Result{Status: OK, Session: id, TTL: known.ttl, Revision: uint64(id)}
	}
	if m.sessions.len() >= MaxSessions {
		return Result{Status: TooManySessions}
	}
	id := SessionID(m.revision)
	opened := session{nonce: c.Nonce, ttl: c.TTL, deadline: m.time + c.TTL, owner: c.Owner}
	m.sessions.set(sessionKey(id), opened)
	m.found = found{}
	m.expiry.set(expiryKey{opened.deadline, id}, struct{}{})
	if c.Nonce != 0 {
		m.nonces.set(numberKey(c.Nonce), id)
	}
	return Result{Status: OK, Session: id, TTL: c.TTL}
}

// found is the session that was looked for last, and its place in the tree: most entries come by one session half a dozen times.
type found struct {
	id      SessionID
	session *session // nil: there is none, or no session was looked for
}

// session is the place to change a session in, nil if there is none. It holds until a session is opened or departs, and to the end of the entry.
func (m *Machine) session(id SessionID) *session {
	if m.found.session == nil || m.found.id != id {
		m.found = found{id, m.sessions.edit(sessionKey(id))}
	}
	return m.found.session
}

func (m *Machine) renew(c Renew, applied *Applied) Result {
	for _, id := range c.Sessions {
		renewal := Renewal{Session: id, Status: UnknownSession}
		if renewed := m.sessions.edit(sessionKey(id)); renewed != nil {
			renewal.Status = OK
			m.postpone(id, renewed)
		}
		applied.Renewals = append(applied.Renewals, renewal)
	}
	return Result{Status: OK}
}

func (m *Machine) postpone(id SessionID, s *session) {
	deadline := m.time + s.ttl
	if deadline == s.deadline {
		return
	}
	assert(deadline > s.deadline, "a renewal never brings a session's end nearer")
	m.expiry.delete(expiryKey{s.deadline, id})
	s.deadline = deadline
	m.expiry.set(expiryKey{deadline, id}, struct{}{})
}

func (m *Machine) close(c Close, applied *Applied) Result {
	if _, found := m.sessions.get(sessionKey(c.Session)); !found {
		return Result{Status: UnknownSession, Session: c.Session}
	}
	m.depart(c.Session, applied)
	m.bury(applied)
	return Result{Status: OK, Session: c.Session}
}

// expire ends each named session, unless it was renewed since the leader looked, or its
// time is not up as this entry counts. A leader that was frozen for a minute wakes with a
// list of sessions which have long been renewed at its successor: none of them ends.
func (m *Machine) expire(c Expire, applied *Applied) Result {
	for _, due := range c.Sessions {
		s, found := m.sessions.get(sessionKey(due.Session))
		if found && s.deadline == due.Deadline && s.deadline <= m.time {
			m.depart(due.Session, applied)
			m.done.expiries++
		}
	}
	m.bury(applied)
	return Result{Status: OK}
}

// depart is the first half of a session's end: it is no more, its answers are forgotten,
// and its waiters leave their queues. Its locks are handed over by bury, after every
// session of the same entry has departed. Were it done at once, a lock could go
// to a waiter that the same entry is about to end.
func (m *Machine) depart(id SessionID, applied *Applied) {
	s, _ := m.sessions.get(sessionKey(id))
	m.forgetAll(id)
	for {
		wait, name, found := m.waits.ceiling(waitKey{session: id})
		if !found || wait.session != id {
			break
		}
		m.leave(name, wait.place, UnknownSession, applied)
	}
	m.sessions.delete(sessionKey(id))
	m.found = found{}
	m.expiry.delete(expiryKey{s.deadline, id})
	if s.nonce != 0 {
		m.nonces.delete(numberKey(s.nonce))
	}
	m.ending = append(m.ending, id)
	applied.Ended = append(applied.Ended, id)
}

func (m *Machine) bury(applied *Applied) {
	for _, id := range m.ending {
		for {
			held, _, found := m.held.ceiling(heldKey{session: id})
			if !found || held.session != id {
				break
			}
			name, known := m.grants.get(tokenKey(held.token))
			assert(known, "a lock that a session holds is found by its token")
			m.handOver(name, applied)
		}
	}
	m.ending = m.ending[:0]
}
