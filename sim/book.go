package sim

import (
	"slices"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/draw"
)

// book is a lock service as one would write it down on paper: slow, and plain enough to be believed. It reads each
// committed entry once, says what that entry must do, and compares it with what the machine did. It asks the machine nothing.
type book struct {
	world   *world
	index   uint64
	now     time.Duration // cluster time
	last    lockfsm.Token
	version lockfsm.Version // in force

	guests   map[lockfsm.SessionID]*guest
	nonces   map[uint64]lockfsm.SessionID
	holds    []*hold   // in order of their tokens
	queue    []*ticket // of all locks, in order of their places
	memories map[memoryKey]*memory
	grants   map[lockfsm.Token]grant // all that were ever made

	settled []lockfsm.Settled
	ended   []lockfsm.SessionID
	before  []*hold // the holds before the present entry

	replica *lockfsm.Machine // what is judged: the machine, applying the same entries
	applied lockfsm.Applied
}

// guest is a session that lives.
type guest struct {
	id           lockfsm.SessionID
	nonce        uint64
	ttl          time.Duration
	deadline     time.Duration // cluster time
	renewed      birth         // of its last renewal
	heard        time.Duration // when the last renewal was proposed at the latest
	acknowledged lockfsm.Sequence
}

// hold is a lock that is held.
type hold struct {
	name    string
	token   lockfsm.Token
	session lockfsm.SessionID
	place   lockfsm.Place
	client  uint64
}

// ticket is a place in a queue.
type ticket struct {
	name     string
	place    lockfsm.Place
	session  lockfsm.SessionID
	sequence lockfsm.Sequence
	until    time.Duration
	client   uint64
}

// grant is one that was made.
type grant struct {
	name    string
	session lockfsm.SessionID
}

type memoryKey struct {
	session  lockfsm.SessionID
	sequence lockfsm.Sequence
}

// memory is the answer to a numbered command.
type memory struct {
	command draw.Digest // zero: an Acquire that was canceled before it came
	acquire bool
	name    string
	status  lockfsm.Status
	token   lockfsm.Token
	place   lockfsm.Place
}

func newBook(w *world) *book {
	return &book{
		world: w, guests: map[lockfsm.SessionID]*guest{}, nonces: map[uint64]lockfsm.SessionID{},
		memories: map[memoryKey]*memory{}, grants: map[lockfsm.Token]grant{}, replica: lockfsm.NewIn(w.epoch), last: lockfsm.Token(w.epoch), version: lockfsm.Oldest,
	}
}

// enter reads an entry, which was proposed no earlier than it was born, and returns the digest of the machine after it.
func (b *book) enter(e *raft.Entry, born birth) uint64 {
	if e.Time < b.now {
		b.world.judge.fail(Monotonic, "cluster time falls from %v to %v at entry %d", b.now, e.Time, e.Index)
	}
	b.index, b.now = uint64(e.Index), e.Time
	b.settled, b.ended = b.settled[:0], b.ended[:0]
	b.before = append(b.before[:0], b.holds...)
	b.timeOut()
	if e.Kind != raft.KindCommand {
		b.replica.Advance(b.index, e.Time, &b.applied)
		b.compare(b.before, answer{status: lockfsm.OK}, nil)
		return b.replica.Digest()
	}
	command, err := lockfsm.Decode(e.Data)
	if err != nil {
		b.world.judge.fail(ExactlyOnce, "entry %d is no command: %v", e.Index, err)
	}
	if written := lockfsm.Version(e.Data[0]); written > b.version {
		b.world.judge.fail(InForce, "entry %d is written in version %d, and version %d is in force", e.Index, written, b.version)
	}
	expected := b.execute(command, born)
	if err := b.replica.Apply(b.index, e.Time, e.Data, &b.applied); err != nil {
		b.world.judge.fail(ExactlyOnce, "entry %d can't be applied: %v", e.Index, err)
	}
	b.compare(b.before, expected, command)
	return b.replica.Digest()
}

// answer is what a command is told.
type answer struct {
	status  lockfsm.Status
	session lockfsm.SessionID
	token   lockfsm.Token
	place   lockfsm.Place
}

func (b *book) execute(command lockfsm.Command, born birth) answer {
	switch c := command.(type) {
	case lockfsm.Open:
		return b.open(c, born)
	case lockfsm.Renew:
		b.renew(c, born)
	case lockfsm.Close:
		if b.guests[c.Session] == nil {
			return answer{status: lockfsm.UnknownSession, session: c.Session}
		}
		b.end(c.Session)
		return answer{status: lockfsm.OK, session: c.Session}
	case lockfsm.Expire:
		b.expire(c, born)
	case lockfsm.Acquire:
		return b.acquire(c)
	case lockfsm.Release:
		return b.release(c)
	case lockfsm.Cancel:
		return b.cancel(c)
	case lockfsm.Withdraw:
		b.withdraw(c)
	case lockfsm.Upgrade:
		b.upgrade(c)
	}
	return answer{status: lockfsm.OK}
}

func (b *book) upgrade(c lockfsm.Upgrade) {
	if w := b.world; c.To > b.version {
		w.tell("committed: version %d is in force", c.To)
		if w.knobs.enabled[schedule.Upgrade] {
			w.observe(schedule.Upgrade)
			w.hit(versionRaised)
		}
	}
	b.version = max(b.version, c.To)
}

// timeOut lets those leave whose wait is over at this entry's time, the most overdue first.
func (b *book) timeOut() {
	for {
		var due *ticket
		for _, t := range b.queue {
			if t.until != lockfsm.Forever && t.until <= b.now && (due == nil || t.until < due.until) {
				due = t
			}
		}
		if due == nil {
			return
		}
		b.world.hit(waiterTimedOut)
		b.leave(due, lockfsm.TimedOut)
	}
}

func (b *book) open(c lockfsm.Open, born birth) answer {
	if id, known := b.nonces[c.Nonce]; known {
		return answer{status: lockfsm.OK, session: id}
	}
	id := lockfsm.SessionID(b.index)
	b.guests[id] = &guest{id: id, nonce: c.Nonce, ttl: c.TTL, deadline: b.now + c.TTL, renewed: born}
	b.nonces[c.Nonce] = id
	return answer{status: lockfsm.OK, session: id}
}

func (b *book) renew(c lockfsm.Renew, born birth) {
	for _, id := range c.Sessions {
		g := b.guests[id]
		if g == nil {
			b.world.hit(renewalTooLate)
		} else {
			g.deadline = b.now + g.ttl
			g.heard = max(g.heard, born.drained)
			if born.at > g.renewed.at {
				g.renewed = born
			}
		}
	}
}

// expire ends the sessions whose deadline is still the one that the leader saw pass. In true time that must not be before
// their TTL is over, as counted by the fastest clock that is allowed.
func (b *book) expire(c lockfsm.Expire, born birth) {
	var over []lockfsm.SessionID
	for _, due := range c.Sessions {
		g := b.guests[due.Session]
		if g == nil || g.deadline != due.Deadline || g.deadline > b.now {
			b.world.hit(expiryOutrun)
			continue
		}
		if slices.ContainsFunc(b.holds, func(h *hold) bool { return h.session == g.id }) {
			b.world.hit(holderExpired)
		}
		over = append(over, g.id)
		if b.world.now < earliestExpiry(g.renewed.at, g.ttl, b.world.judge.ahead-g.renewed.ahead, b.world.knobs.drift) {
			b.world.judge.fail(EarlyExpiry, "session %d, of %v, expires %v after its last renewal was proposed", g.id, g.ttl, b.world.now-g.renewed.at)
		}
		b.world.judge.ended(g.id)
	}
	b.end(over...)
}

// end ends sessions: first all their waiters leave, then their locks are handed over.
func (b *book) end(sessions ...lockfsm.SessionID) {
	for _, id := range sessions {
		for _, t := range slices.Clone(b.queue) {
			if t.session == id {
				b.world.hit(waiterDied)
				b.leave(t, lockfsm.UnknownSession)
			}
		}
		delete(b.nonces, b.guests[id].nonce)
		delete(b.guests, id)
		b.ended = append(b.ended, id)
	}
	for _, id := range sessions {
		for _, h := range slices.Clone(b.holds) {
			if h.session == id {
				b.handOver(h)
			}
		}
	}
	for key := range b.memories {
		if b.guests[key.session] == nil {
			delete(b.memories, key)
		}
	}
}

func (b *book) leave(t *ticket, why lockfsm.Status) {
	b.queue = slices.DeleteFunc(b.queue, func(other *ticket) bool { return other == t })
	b.settle(t, why, 0)
}

func (b *book) settle(t *ticket, status lockfsm.Status, token lockfsm.Token) {
	b.settled = append(b.settled, lockfsm.Settled{Place: t.place, Result: lockfsm.Result{Status: status, Token: token, Session: t.session}})
	key := memoryKey{t.session, t.sequence}
	if m := b.memories[key]; m != nil && t.sequence != 0 {
		m.status, m.token = status, token
		if g := b.guests[t.session]; g != nil && t.sequence <= g.acknowledged {
			delete(b.memories, key)
		}
	}
}

// handOver ends a hold, and makes the next one if somebody waits.
func (b *book) handOver(h *hold) {
	b.holds = slices.DeleteFunc(b.holds, func(other *hold) bool { return other == h })
	at := slices.IndexFunc(b.queue, func(t *ticket) bool { return t.name == h.name })
	if at < 0 {
		return
	}
	t := b.queue[at]
	b.queue = slices.Delete(b.queue, at, at+1)
	b.world.hit(waiterServed)
	if t.client != h.client && !b.world.healed { // the probe of the healed world passes from everybody to everybody
		b.world.hit(lockPassed)
	}
	b.settle(t, lockfsm.OK, b.grant(t))
}

func (b *book) grant(t *ticket) lockfsm.Token {
	b.last++
	b.holds = append(b.holds, &hold{name: t.name, token: b.last, session: t.session, place: t.place, client: t.client})
	b.grants[b.last] = grant{name: t.name, session: t.session}
	b.world.poach(t.name, t.session, b.last)
	return b.last
}

func (b *book) holder(name string) *hold {
	for _, h := range b.holds {
		if h.name == name {
			return h
		}
	}
	return nil
}

// clientOf is the number that a session's client has: it is the upper half of the nonce.
func (b *book) clientOf(session lockfsm.SessionID) uint64 {
	if g := b.guests[session]; g != nil {
		return g.nonce >> 32
	}
	return 0
}

// recall finds the answer to a command that has come before, or one that is not carried out at all.
func (b *book) recall(r lockfsm.Request, command draw.Digest, acquire bool, name string) (answer, bool) {
	g := b.guests[r.Session]
	if g == nil {
		return answer{status: lockfsm.UnknownSession, session: r.Session}, true
	}
	if r.Acknowledged > g.acknowledged {
		g.acknowledged = r.Acknowledged
		for key, m := range b.memories {
			if key.session == g.id && key.sequence <= g.acknowledged && m.status != lockfsm.Waiting {
				delete(b.memories, key)
			}
		}
	}
	m := b.memories[memoryKey{r.Session, r.Sequence}]
	switch {
	case r.Sequence == 0:
		return answer{}, false
	case m != nil && m.command == 0 && acquire:
		m.command, m.name = command, name
	case m != nil && m.command != command:
		return answer{status: lockfsm.SequenceReused, session: r.Session}, true
	case m == nil && r.Sequence <= g.acknowledged:
		return answer{status: lockfsm.SequenceForgotten, session: r.Session}, true
	case m == nil:
		return answer{}, false
	}
	b.world.hit(answerRemembered)
	return answer{m.status, r.Session, m.token, m.place}, true
}

func (b *book) remember(r lockfsm.Request, m memory) answer {
	if r.Session != 0 && r.Sequence != 0 {
		b.memories[memoryKey{r.Session, r.Sequence}] = &m
	}
	return answer{m.status, r.Session, m.token, m.place}
}

func (b *book) acquire(c lockfsm.Acquire) answer {
	command := draw.NewDigest().Text(c.Name).Bytes(c.Value).Word(uint64(c.Wait)).Word(1)
	if known, is := b.recall(c.Request, command, true, c.Name); is {
		return known
	}
	t := &ticket{name: c.Name, place: lockfsm.Place(b.index), session: c.Session, sequence: c.Sequence, until: lockfsm.Forever, client: b.clientOf(c.Session)}
	if c.Wait != lockfsm.Forever {
		t.until = b.now + c.Wait
	}
	m := memory{command: command, acquire: true, name: c.Name, place: t.place}
	switch {
	case b.holder(c.Name) == nil:
		m.status, m.token = lockfsm.OK, b.grant(t)
	case c.Wait == lockfsm.NoWait:
		m.status, m.place = lockfsm.Busy, 0
	default:
		m.status = lockfsm.Waiting
		b.queue = append(b.queue, t)
	}
	return b.remember(c.Request, m)
}

func (b *book) release(c lockfsm.Release) answer {
	command := draw.NewDigest().Text(c.Name).Word(uint64(c.Token)).Word(2)
	if c.Session != 0 {
		if known, is := b.recall(c.Request, command, false, c.Name); is {
			return known
		}
	}
	m := memory{command: command, name: c.Name, status: lockfsm.StaleToken}
	at := slices.IndexFunc(b.holds, func(h *hold) bool { return h.token == c.Token })
	switch {
	case at >= 0 && b.holds[at].name == c.Name:
		m.status = lockfsm.OK
		if c.Session == 0 {
			b.world.judge.strayed[c.Token] = true
		}
		b.handOver(b.holds[at])
	case at >= 0:
		m.status = lockfsm.WrongName
	case c.Token > b.last:
		m.status = lockfsm.FutureToken
	default:
		b.world.hit(staleReleaseRefused)
	}
	return b.remember(c.Request, m)
}

func (b *book) cancel(c lockfsm.Cancel) answer {
	command := draw.NewDigest().Word(uint64(c.Target)).Word(3)
	if known, is := b.recall(c.Request, command, false, ""); is {
		return known
	}
	m := memory{command: command, status: lockfsm.OK}
	key := memoryKey{c.Session, c.Target}
	target := b.memories[key]
	switch {
	case target != nil && !target.acquire:
		m.status = lockfsm.WrongName
	case target != nil:
		b.takeBack(target.place, lockfsm.Canceled)
	case c.Target <= b.guests[c.Session].acknowledged:
		m.status = lockfsm.SequenceForgotten
	default:
		b.world.hit(cancelFirst)
		b.memories[key] = &memory{acquire: true, status: lockfsm.Canceled}
	}
	return b.remember(c.Request, m)
}

// takeBack undoes what is left of the Acquire at a place.
func (b *book) takeBack(place lockfsm.Place, why lockfsm.Status) {
	for _, t := range b.queue {
		if t.place == place {
			b.leave(t, why)
			return
		}
	}
	for _, h := range b.holds {
		if h.place == place {
			b.world.hit(grantTakenBack)
			b.handOver(h)
			return
		}
	}
}

func (b *book) withdraw(c lockfsm.Withdraw) { b.takeBack(c.Place, lockfsm.Canceled) }
