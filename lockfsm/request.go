package lockfsm

// recall says whether a request is answered already, and how: by what is remembered of
// its first coming, or by a refusal. Else its caller carries it out, and then calls
// remember. room is how many requests it may have to remember.
//
// The acknowledged mark moves even when the request itself is refused: for a session that
// has too many unacknowledged requests it is the way out.
func (m *Machine) recall(r Request, draft request, room int) (answer request, known bool) {
	if r.Session == 0 && draft.kind == kindRelease {
		return request{}, false
	}
	present := m.session(r.Session)
	if present == nil {
		return request{status: UnknownSession}, true
	}
	if r.Acknowledged > present.acknowledged {
		m.prune(r.Session, r.Acknowledged)
	}
	if first := m.again(r, draft); first.status != 0 {
		return first, true
	}
	switch {
	case r.Sequence != 0 && r.Sequence <= present.acknowledged:
		return request{status: SequenceForgotten}, true
	case r.Sequence == 0:
		room--
	}
	if present.requests+room > MaxRequests {
		return request{status: TooManyRequests}, true
	}
	return request{}, false
}

// again finds what is remembered under a request's number.
func (m *Machine) again(r Request, draft request) request {
	if r.Sequence == 0 || r.Sequence > m.session(r.Session).newest {
		return request{}
	}
	at := requestKey{r.Session, r.Sequence}
	first, found := m.requests.get(at)
	switch {
	case !found:
		return request{}
	case first.awaited() && draft.kind == kindAcquire:
		late := m.requests.edit(at)
		late.name, late.fingerprint = draft.name, draft.fingerprint
		return *late
	case first.fingerprint != draft.fingerprint:
		return request{status: SequenceReused}
	}
	return first
}

// result is the answer to give. Whom the lock belongs to now is filled in later, as of then.
func (r request) result(session SessionID) Result {
	return Result{Status: r.status, Session: session, Token: r.token, Place: r.place, Revision: r.revision}
}

// remember keeps a request's first answer. That includes refusals such as Busy: else a
// duplicate that the network delivers late would be carried out after its caller was told that it was not.
func (m *Machine) remember(r Request, draft request, result Result) {
	if r.Session == 0 || r.Sequence == 0 {
		return
	}
	draft.status, draft.token, draft.place, draft.revision = result.Status, result.Token, result.Place, m.revision
	m.keep(requestKey{r.Session, r.Sequence}, draft)
}

func (m *Machine) keep(at requestKey, kept request) {
	m.requests.set(at, kept)
	s := m.session(at.session)
	s.requests++
	s.newest = max(s.newest, at.sequence)
}

func (m *Machine) forget(at requestKey) {
	m.requests.delete(at)
	m.session(at.session).requests--
}

// decide turns the answer of an Acquire that waited into its final one. If its number was
// acknowledged meanwhile, nobody will ask for it.
func (m *Machine) decide(at requestKey, result Result) {
	kept := m.requests.edit(at)
	if kept == nil {
		return
	}
	assert(kept.status == Waiting && kept.place == result.Place, "only a waiting Acquire is settled")
	if m.acknowledged(at) {
		m.forget(at)
		return
	}
	kept.status, kept.token, kept.revision = result.Status, result.Token, result.Revision
}

func (m *Machine) acknowledged(at requestKey) bool {
	s := m.session(at.session)
	return s != nil && at.sequence <= s.acknowledged
}

// prune moves a session's acknowledged mark up, and forgets the answers that it passes.
// An Acquire that still waits has no answer yet: it stays until it is settled. Those
// below the old mark are such Acquires only, and are not looked at again.
func (m *Machine) prune(id SessionID, mark Sequence) {
	s := m.session(id)
	at := requestKey{id, s.acknowledged + 1}
	s.acknowledged = mark
	if at.sequence == mark { // as it is for who makes one request after the other
		if kept, found := m.requests.delete(at); found && kept.status == Waiting {
			m.requests.set(at, kept)
		} else if found {
			s.requests--
		}
		return
	}
	for {
		next, kept, found := m.requests.ceiling(at)
		if !found || next.session != id || next.sequence > mark {
			return
		}
		if kept.status != Waiting {
			m.forget(next)
		}
		if next.sequence == mark {
			return
		}
		at.sequence = next.sequence + 1
	}
}

func (m *Machine) forgetAll(id SessionID) {
	for {
		next, _, found := m.requests.ceiling(requestKey{session: id})
		if !found || next.session != id {
			return
		}
		m.forget(next)
	}
}
