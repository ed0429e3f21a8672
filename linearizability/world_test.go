package linearizability

import (
	"math/rand/v2"
	"slices"
	"time"
)

// world is a lock service that is right, told in the fewest words, and clients that call it in every way they may: calls
// overlap, answers are lost or given again, sessions die. What it writes down must pass.
type world struct {
	pick    func(int) int // a number below the given one
	history History
	now     time.Duration
	event   uint64
	token   uint64
	locks   []held
	pending []*call
	clients []*guest
	legal   map[uint64]time.Duration // of each session
	dead    map[uint64]bool
	opened  uint64
	nonces  map[nonce]uint64 // the session that each opened
}

// nonce names what an Open asks for, so that it can be sent again.
type nonce struct{ client, number int }

type held struct{ token, session uint64 }

type guest struct {
	session uint64
	busy    bool
	tokens  []uint64
	nonce   int // its next session's
}

// call is an operation on its way. It may be decided after its client has given up.
type call struct {
	operation, client, lock int
	nonce                   nonce // Open
	decided, answered       bool
	outcome                 Outcome
	token, current          uint64
	tells                   bool
}

const testTTL = 40 * time.Millisecond

func newWorld(pick func(int) int, clients, locks int) *world {
	w := &world{pick: pick, locks: make([]held, locks), legal: map[uint64]time.Duration{}, dead: map[uint64]bool{}, nonces: map[nonce]uint64{}}
	w.history.Drift, w.history.Slack = 1000, time.Microsecond
	for range clients {
		w.clients = append(w.clients, &guest{})
	}
	return w
}

// randomHistory is what a world writes down of so many operations.
func randomHistory(pick func(int) int, clients, locks, operations int) History {
	w := newWorld(pick, clients, locks)
	for len(w.history.Operations) < operations {
		w.step()
	}
	for range 3 * clients {
		w.proceed()
	}
	return w.history
}

func seeded(seed uint64) func(int) int {
	return rand.New(rand.NewPCG(seed, 17)).IntN
}

func (w *world) tick() uint64 {
	w.now += time.Duration(w.pick(3)) * time.Millisecond
	w.event++
	return w.event
}

func (w *world) step() {
	switch w.pick(8) {
	case 0, 1:
		w.call(w.pick(len(w.clients)))
	case 2:
		w.now += time.Millisecond
		w.expire()
	default:
		w.proceed()
	}
}

// call lets an idle client begin something.
func (w *world) call(client int) {
	g := w.clients[client]
	if g.busy {
		return
	}
	lock := w.pick(len(w.locks))
	o := Operation{Client: int32(client), Session: g.session, Return: Never}
	switch n := w.pick(20); {
	case g.session == 0:
		o.Kind, o.TTL = Open, testTTL
	case n == 0:
		o.Kind = Close
	case n == 1:
		o.Kind = Renew
	case n < 11:
		o.Kind = Acquire
	case n < 17 && len(g.tokens) > 0:
		o.Kind, o.Token = Release, g.tokens[len(g.tokens)-1]
		g.tokens = g.tokens[:len(g.tokens)-1]
	default:
		o.Kind, o.Token = Check, uint64(w.pick(int(w.token)+1))
	}
	if o.Kind == Release || o.Kind == Check {
		lock = w.home(o.Token, lock)
	}
	if o.Kind >= Acquire {
		o.Lock = lockName(lock)
	}
	o.Call, o.Called = w.tick(), w.now
	g.busy = true
	w.pending = append(w.pending, &call{operation: len(w.history.Operations), client: client, lock: lock, nonce: nonce{client, g.nonce}})
	w.history.Operations = append(w.history.Operations, o)
}

func lockName(lock int) string { return string(rune('a' + lock)) }

// home is the lock that a token is of.
func (w *world) home(token uint64, otherwise int) int {
	for _, o := range w.history.Operations {
		if o.Kind == Acquire && o.Outcome == Done && o.Token == token {
			return int(o.Lock[0] - 'a')
		}
	}
	return otherwise
}

// proceed lets one call on its way be decided, or answered, or given up.
func (w *world) proceed() {
	if len(w.pending) == 0 {
		return
	}
	i := w.pick(len(w.pending))
	c := w.pending[i]
	switch {
	case !c.decided:
		if w.pick(12) == 0 && !c.answered { // its client gives up
			w.answer(c, []Outcome{Unknown, Rejected}[w.pick(2)])
		} else {
			w.decide(c)
		}
	case !c.answered:
		if w.pick(10) == 0 {
			c.outcome = Unknown
		}
		w.answer(c, c.outcome)
	}
	if c.answered && (c.decided || w.history.Operations[c.operation].Outcome == Rejected) {
		w.pending = slices.Delete(w.pending, i, i+1)
	}
}

func (w *world) answer(c *call, outcome Outcome) {
	c.answered = true
	g := w.clients[c.client]
	g.busy = false
	o := &w.history.Operations[c.operation]
	o.Outcome = outcome
	if outcome != Unknown || w.pick(2) == 0 {
		o.Return, o.Returned = w.tick(), w.now
	}
	if o.Kind == Close {
		*g = guest{nonce: g.nonce}
	}
	if outcome != Done && outcome != Refused {
		return
	}
	if c.tells && o.Kind != Check && w.pick(3) == 0 { // the answer is given again
		c.current = w.locks[c.lock].token
	}
	o.Tells = c.tells && w.pick(3) > 0
	if o.Tells {
		o.Current = c.current
	}
	switch {
	case o.Kind == Open:
		o.Session, g.session = c.token, c.token
		g.nonce++
	case o.Kind == Acquire && outcome == Done:
		o.Token = c.token
		g.tokens = append(g.tokens, c.token)
	}
}

func (w *world) decide(c *call) {
	o := &w.history.Operations[c.operation]
	l := &w.locks[c.lock]
	c.outcome, c.decided = Done, true
	switch o.Kind {
	case Open:
		w.open(c)
	case Renew:
		if w.dead[o.Session] {
			c.outcome = Refused
		} else {
			w.renew(o.Session, o.Called)
		}
	case Close:
		if w.dead[o.Session] {
			c.outcome = Refused
		}
		w.end(o.Session)
	case Acquire:
		w.acquire(c, o, l)
	case Release:
		if o.Token != l.token || o.Token == 0 {
			c.outcome = Refused
		} else {
			*l = held{}
		}
	case Check:
		if o.Token != l.token || o.Token == 0 {
			c.outcome = Refused
		}
	}
	c.current, c.tells = l.token, o.Kind >= Acquire
}

// open finds the session again that an Open with the same nonce has opened, if it lives, and does not renew it.
func (w *world) open(c *call) {
	if known := w.nonces[c.nonce]; known != 0 && !w.dead[known] {
		c.token = known
		return
	}
	w.opened++
	c.token = w.opened
	w.nonces[c.nonce] = c.token
	w.renew(c.token, w.history.Operations[c.operation].Called)
}

func (w *world) acquire(c *call, o *Operation, l *held) {
	switch {
	case w.dead[o.Session]:
		c.outcome = Refused
	case l.token == 0:
		w.token++
		*l = held{w.token, o.Session}
		c.token = w.token
	case w.pick(3) == 0:
		c.outcome = Refused
	default: // it waits
		c.decided = false
	}
}

func (w *world) renew(session uint64, called time.Duration) {
	w.legal[session] = max(w.legal[session], called+testTTL)
}

func (w *world) expire() {
	if w.opened == 0 {
		return
	}
	if session := 1 + uint64(w.pick(int(w.opened))); w.legal[session] <= w.now {
		w.end(session)
	}
}

func (w *world) end(session uint64) {
	w.dead[session] = true
	for i := range w.locks {
		if w.locks[i].session == session {
			w.locks[i] = held{}
		}
	}
}
