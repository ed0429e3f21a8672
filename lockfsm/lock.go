package lockfsm

// seen is the lock that was looked for last, and its place in the tree: an entry comes by one lock several times.
type seen struct {
	name string // empty: none was looked for
	lock *lock  // nil: nobody holds it
}

// lock is the place to change a held lock in, nil if nobody holds it. It holds until another lock is granted or freed, and to the end of the entry.
func (m *Machine) lock(name string) *lock {
	if m.seen.name != name {
		m.seen = seen{name, m.locks.edit(nameKey(name))}
	}
	return m.seen.lock
}

func (m *Machine) acquire(c Acquire) Result {
	draft := request{kind: kindAcquire, name: c.Name, fingerprint: fingerprintAcquire(c)}
	if answer, known := m.recall(c.Request, draft, 1); known {
		return answer.result(c.Session)
	}
	result := m.enter(c)
	m.remember(c.Request, draft, result)
	return result
}

// enter grants a free lock, or queues behind a held one.
func (m *Machine) enter(c Acquire) Result {
	place := Place(m.revision)
	newcomer := waiter{session: c.Session, sequence: c.Sequence, since: m.time, until: Forever, value: c.Value}
	if c.Wait != Forever {
		newcomer.until = m.time + c.Wait
	}
	present := m.lock(c.Name)
	switch {
	case present == nil && m.locks.len() >= MaxLocks:
		return Result{Status: TooManyLocks, Session: c.Session}
	case present == nil:
		token := m.grant(c.Name, place, newcomer, lock{})
		return Result{Status: OK, Session: c.Session, Token: token, Place: place}
	case c.Wait == NoWait:
		return Result{Status: Busy, Session: c.Session}
	case present.waiters >= MaxWaiters:
		return Result{Status: TooManyWaiters, Session: c.Session}
	}
	m.join(c.Name, place, newcomer)
	return Result{Status: Waiting, Session: c.Session, Place: place}
}

// grant gives a free lock to a waiter, or to an Acquire that need not wait, under a new token.
func (m *Machine) grant(name string, place Place, w waiter, vacant lock) Token {
	assert(vacant.token == 0, "a lock is never granted while it is held")
	holder := m.session(w.session)
	assert(holder != nil, "a lock is only granted to a session that lives")
	token := m.last + 1
	assert(generation(token) == generation(m.last), "tokens never reach into the next generation")
	m.last = token
	holder.held++
	granted := lock{token: token, session: w.session, place: place, since: m.time, value: w.value, waiters: vacant.waiters}
	m.seen = seen{name, m.locks.set(nameKey(name), granted)}
	m.grants.set(tokenKey(token), name)
	m.held.set(heldKey{w.session, token}, struct{}{})
	m.done.grants++
	return token
}

// handOver ends a lock's present grant and makes the next one in the same entry, if
// somebody waits: exactly one waiter is woken, and nobody can come in between.
func (m *Machine) handOver(name string, applied *Applied) {
	vacant := m.vacate(name)
	if vacant.waiters == 0 {
		m.locks.delete(nameKey(name))
		m.seen = seen{name, nil}
		return
	}
	first, next, found := m.queue.ceiling(queueKey{name: name})
	assert(found && first.name == name, "a lock counts its waiters")
	m.unqueue(first, next)
	vacant.waiters--
	token := m.grant(name, first.place, next, vacant)
	m.settle(name, first.place, next, Result{Status: OK, Session: next.session, Token: token, Place: first.place}, applied)
}

// vacate ends a grant. The lock that it returns has no holder yet: its caller grants or deletes it.
func (m *Machine) vacate(name string) lock {
	vacant := m.lock(name)
	assert(vacant != nil && vacant.token != 0, "only a held lock is vacated")
	m.grants.delete(tokenKey(vacant.token))
	m.held.delete(heldKey{vacant.session, vacant.token})
	if holder := m.session(vacant.session); holder != nil {
		holder.held--
	}
	return lock{waiters: vacant.waiters}
}

// join puts a waiter at the end of a lock's queue: no place was ever as high as this one.
func (m *Machine) join(name string, place Place, w waiter) {
	m.queue.set(queueKey{name, place}, w)
	m.waits.set(waitKey{w.session, place}, name)
	if w.until != Forever {
		m.deadlines.set(deadlineKey{w.until, place}, name)
	}
	m.lock(name).waiters++
	m.session(w.session).waiting++
}

// leave takes a waiter out of its queue without a grant.
func (m *Machine) leave(name string, place Place, why Status, applied *Applied) {
	w, found := m.queue.get(queueKey{name, place})
	assert(found, "whoever leaves a queue stood in it")
	m.unqueue(queueKey{name, place}, w)
	m.lock(name).waiters--
	m.settle(name, place, w, Result{Status: why, Session: w.session, Place: place}, applied)
}

// unqueue removes a waiter from every tree it is in; the lock's count is the caller's.
func (m *Machine) unqueue(at queueKey, w waiter) {
	m.queue.delete(at)
	m.waits.delete(waitKey{w.session, at.place})
	if w.until != Forever {
		m.deadlines.delete(deadlineKey{w.until, at.place})
	}
	m.session(w.session).waiting--
}

// settle answers an Acquire that had waited, now and whenever it is asked again.
func (m *Machine) settle(name string, place Place, w waiter, result Result, applied *Applied) {
	result.Revision = m.revision
	m.decide(requestKey{w.session, w.sequence}, result)
	applied.Settled = append(applied.Settled, Settled{Place: place, Result: result})
	m.subjects = append(m.subjects, name)
}

// release ends the grant whose token is shown, whoever shows it: the token is the proof.
// The session serves only to find the answer again.
func (m *Machine) release(c Release, applied *Applied) Result {
	draft := request{kind: kindRelease, name: c.Name, fingerprint: fingerprintRelease(c)}
	if answer, known := m.recall(c.Request, draft, 1); known {
		return answer.result(c.Session)
	}
	result := Result{Status: m.releasable(c.Name, c.Token), Session: c.Session}
	if result.Status == OK {
		m.done.releases++
		m.handOver(c.Name, applied)
	}
	m.remember(c.Request, draft, result)
	return result
}

// releasable says whether a token is the one under which a lock is held now. A release
// that was delayed until the same session held the lock again must not end the new grant.
func (m *Machine) releasable(name string, token Token) Status {
	if held := m.lock(name); held != nil && held.token == token {
		return OK
	}
	switch _, held := m.grants.get(tokenKey(token)); {
	case held:
		return WrongName
	case token > m.last:
		return FutureToken
	}
	return StaleToken
}

// cancel takes an Acquire back. An Acquire that has not arrived is remembered as
// canceled, so that it finds this answer when it comes.
func (m *Machine) cancel(c Cancel, applied *Applied) (Result, string) {
	draft := request{kind: kindCancel, fingerprint: fingerprintCancel(c)}
	target := requestKey{c.Session, c.Target}
	room := 1
	if _, arrived := m.requests.get(target); !arrived {
		room = 2
	}
	if answer, known := m.recall(c.Request, draft, room); known {
		return answer.result(c.Session), answer.name
	}
	found := m.requests.edit(target)
	result := Result{Status: OK, Session: c.Session}
	switch {
	case found != nil && found.kind != kindAcquire:
		result.Status = WrongName
	case found != nil:
		draft.name = found.name
		m.takeBack(*found, applied)
	case m.acknowledged(target):
		result.Status = SequenceForgotten
	default:
		m.keep(target, request{kind: kindAcquire, status: Canceled, revision: m.revision})
		m.done.cancels++
	}
	m.remember(c.Request, draft, result)
	return result, draft.name
}

// takeBack undoes whatever is left of an Acquire: its wait, its grant, or nothing.
func (m *Machine) takeBack(acquire request, applied *Applied) {
	switch {
	case acquire.status == Waiting:
		m.done.cancels++
		m.leave(acquire.name, acquire.place, Canceled, applied)
	case acquire.status == OK && m.Current(acquire.name) == acquire.token:
		m.done.releases++
		m.handOver(acquire.name, applied)
	}
}

func (m *Machine) withdraw(c Withdraw, applied *Applied) Result {
	if _, waits := m.queue.get(queueKey{c.Name, c.Place}); waits {
		m.done.cancels++
		m.leave(c.Name, c.Place, Canceled, applied)
		return Result{Status: OK}
	}
	if held, found := m.locks.get(nameKey(c.Name)); found && held.place == c.Place {
		m.done.releases++
		m.handOver(c.Name, applied)
	}
	return Result{Status: OK}
}

func fingerprintAcquire(c Acquire) hash {
	h := hashSeed.word(uint64(kindAcquire))
	return hashText(hashText(h, c.Name), c.Value).word(uint64(c.Wait))
}

func fingerprintRelease(c Release) hash {
	return hashText(hashSeed.word(uint64(kindRelease)), c.Name).word(uint64(c.Token))
}

func fingerprintCancel(c Cancel) hash {
	return hashSeed.word(uint64(kindCancel)).word(uint64(c.Target))
}
