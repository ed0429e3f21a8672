package lockfsm

import (
	"errors"
	"fmt"
)

// Check looks at the whole machine and returns the first invariant that it finds broken.
// It costs as much as encoding a snapshot: for tests, simulations, and a machine that was just restored.
func (m *Machine) Check() error {
	if broken := m.checkSizes(); broken != "" {
		return errors.New(broken)
	}
	for id, s := range m.sessions.all() {
		if broken := m.checkSession(SessionID(id), s); broken != "" {
			return fmt.Errorf("session %d: %s", id, broken)
		}
	}
	for name, l := range m.locks.all() {
		if broken := m.checkLock(string(name), l); broken != "" {
			return fmt.Errorf("lock %q: %s", string(name), broken)
		}
	}
	for at, w := range m.queue.all() {
		if broken := m.checkWaiter(at, w); broken != "" {
			return fmt.Errorf("waiter at place %d of lock %q: %s", at.place, at.name, broken)
		}
	}
	for at, kept := range m.requests.all() {
		if broken := m.checkKept(at, kept); broken != "" {
			return fmt.Errorf("request %d of session %d: %s", at.sequence, at.session, broken)
		}
	}
	return nil
}

// checkSizes finds what the checks of single records can't: each record has its
// counterpart in the derived trees, so these hold nothing else if they are no larger, and
// no two records share one (two locks a token, say) if they are no smaller.
func (m *Machine) checkSizes() string {
	var named, bounded, waiters, requests int
	for _, s := range m.sessions.all() {
		requests += s.requests
		if s.nonce != 0 {
			named++
		}
	}
	for _, l := range m.locks.all() {
		waiters += l.waiters
	}
	for _, w := range m.queue.all() {
		if w.until != Forever {
			bounded++
		}
	}
	switch {
	case m.time < 0 || m.time > maxTime:
		return "the time is not a cluster time"
	case generation(m.revision) != generation(m.last):
		return "the log and the tokens are not of one generation"
	case m.sessions.len() > MaxSessions || m.locks.len() > MaxLocks:
		return "there are more sessions or locks than allowed"
	case m.expiry.len() != m.sessions.len():
		return "the deadlines are not those of the sessions"
	case m.nonces.len() != named:
		return "two sessions were opened with one nonce"
	case m.grants.len() != m.locks.len() || m.held.len() != m.locks.len():
		return "the grants are not those of the locks: two have one token, say"
	case m.queue.len() != waiters:
		return "somebody waits for a lock that is free"
	case m.waits.len() != m.queue.len() || m.deadlines.len() != bounded:
		return "the waits are not those of the queues"
	case m.requests.len() != requests:
		return "a session that is no more has its answers kept"
	}
	return ""
}

func (m *Machine) checkSession(id SessionID, s session) string {
	byNonce, _ := m.nonces.get(numberKey(s.nonce))
	_, expires := m.expiry.get(expiryKey{s.deadline, id})
	switch {
	case id == 0 || uint64(id) > m.revision || generation(id) != generation(m.revision):
		return "it is not named by an entry"
	case validateOpen(Open{TTL: s.ttl, Owner: s.owner}) != OK:
		return "its TTL or its owner is not allowed"
	case s.deadline < s.ttl || s.deadline > m.time+s.ttl:
		return "its deadline is not one TTL after an entry"
	case s.nonce != 0 && byNonce != id || !expires:
		return "it is not found by its nonce and its deadline"
	case s.requests > MaxRequests:
		return "it has more requests than allowed"
	}
	return m.checkShares(id, s)
}

// checkShares counts what belongs to a session.
func (m *Machine) checkShares(id SessionID, s session) string {
	var held, waiting, requests int
	for at := range m.held.from(heldKey{session: id}) {
		if at.session != id {
			break
		}
		held++
	}
	for at := range m.waits.from(waitKey{session: id}) {
		if at.session != id {
			break
		}
		waiting++
	}
	for at := range m.requests.from(requestKey{session: id}) {
		if at.session != id {
			break
		}
		requests++
	}
	if held != s.held || waiting != s.waiting || requests != s.requests {
		return "it miscounts its locks, waiters or requests"
	}
	return ""
}

func (m *Machine) checkLock(name string, l lock) string {
	waiters := 0
	for at := range m.queue.from(queueKey{name: name}) {
		if at.name != name {
			break
		}
		waiters++
	}
	_, lives := m.sessions.get(sessionKey(l.session))
	_, held := m.held.get(heldKey{l.session, l.token})
	byToken, _ := m.grants.get(tokenKey(l.token))
	switch {
	case !validName(name) || len(l.value) > MaxValue:
		return "its name or its value is not allowed"
	case l.token == 0 || l.token > m.last || generation(l.token) != generation(m.last):
		return "it has a token that was never granted"
	case !lives:
		return "its holder's session is no more"
	case !held || byToken != name:
		return "it is not found by its token and its holder"
	case uint64(l.place) > m.revision || l.since < 0 || l.since > m.time:
		return "it was granted in the future"
	case l.waiters != waiters || waiters > MaxWaiters:
		return "it miscounts its waiters, or has more than allowed"
	}
	return ""
}

func (m *Machine) checkWaiter(at queueKey, w waiter) string {
	l, held := m.locks.get(nameKey(at.name))
	_, lives := m.sessions.get(sessionKey(w.session))
	byPlace, _ := m.waits.get(waitKey{w.session, at.place})
	byTime, _ := m.deadlines.get(deadlineKey{w.until, at.place})
	kept, remembered := m.requests.get(requestKey{w.session, w.sequence})
	switch {
	case !held:
		return "the lock is free"
	case !lives:
		return "its session is no more"
	case at.place <= l.place || uint64(at.place) > m.revision || w.since < 0 || w.since > m.time:
		return "it came before the holder, or in the future"
	case w.until != Forever && w.until <= m.time:
		return "its time is over"
	case len(w.value) > MaxValue:
		return "its value is not allowed"
	case byPlace != at.name || w.until != Forever && byTime != at.name:
		return "it is not found by its session and its deadline"
	case remembered != (w.sequence != 0):
		return "its request is forgotten"
	case remembered && (kept.status != Waiting || kept.place != at.place || kept.name != at.name):
		return "its request is remembered as another"
	}
	return ""
}

func (m *Machine) checkKept(at requestKey, kept request) string {
	s, lives := m.sessions.get(sessionKey(at.session))
	w, waits := m.queue.get(queueKey{kept.name, kept.place})
	switch {
	case !lives || at.sequence == 0:
		return "it has no session or no number"
	case kept.kind != kindAcquire && kept.kind != kindRelease && kept.kind != kindCancel:
		return "its command is none that is remembered"
	case !kept.status.known() || kept.token > m.last || uint64(kept.place) > m.revision || kept.revision > m.revision:
		return "its answer was never given"
	case kept.name == "" && kept.kind == kindRelease || kept.name != "" && !validName(kept.name):
		return "its lock has no name that is allowed"
	case kept.awaited() && kept.status != Canceled:
		return "it was taken back before it came, and is not canceled"
	case kept.status == Waiting && (!waits || kept.kind != kindAcquire || w.session != at.session || w.sequence != at.sequence):
		return "it waits in no queue"
	case at.sequence > s.newest:
		return "its number is above all that its session has used"
	case kept.status != Waiting && at.sequence <= s.acknowledged:
		return "it is acknowledged and still remembered"
	}
	return ""
}

func (s Status) known() bool {
	return s == OK || s == Waiting || s >= Busy && s <= TooManyRequests
}
