package session

import (
	"reflect"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
)

// house is all servers in one, as dumb as can be: a command is carried out when it arrives, and a session ends at the
// earliest moment at which a server may end it. It knows true time; its clock runs fast or slow by drift.
type house struct {
	world    *world
	drift    int64
	sessions map[lockfsm.SessionID]*guest
	locks    map[string]*room
	token    lockfsm.Token
	opened   lockfsm.SessionID
	acquired map[string]bool // values of the Acquires that were carried out
}

type guest struct {
	id           lockfsm.SessionID
	nonce        uint64
	ttl          time.Duration
	deadline     time.Duration // true time
	acknowledged lockfsm.Sequence
	requests     map[lockfsm.Sequence]*carried
}

// carried is a command that was carried out, or is being, with those who want to know.
type carried struct {
	command  lockfsm.Command // without its low-water mark
	result   lockfsm.Result
	answered bool
	callers  []caller
}

type room struct {
	holder *guest
	token  lockfsm.Token
	queue  []waiter
}

type waiter struct {
	guest   *guest
	request *carried
}

// truly is how much true time the house's clock needs for a duration.
func (h *house) truly(d time.Duration) time.Duration {
	return d * Million / time.Duration(Million+h.drift)
}

func (h *house) room(name string) *room {
	if h.locks[name] == nil {
		h.locks[name] = &room{}
	}
	return h.locks[name]
}

// serve carries a command out and answers the caller, perhaps much later.
func (h *house) serve(command lockfsm.Command, from caller) {
	switch c := command.(type) {
	case lockfsm.Open:
		from.answer(h.open(c))
	case lockfsm.Renew:
		from.answer(h.renew(c.Sessions[0]))
	case lockfsm.Close:
		h.end(h.sessions[c.Session])
		from.answer(lockfsm.Result{Status: lockfsm.OK, Session: c.Session})
	case lockfsm.Acquire:
		bare := c
		bare.Acknowledged = 0
		h.once(c.Request, bare, from)
	case lockfsm.Release:
		bare := c
		bare.Acknowledged = 0
		h.once(c.Request, bare, from)
	case lockfsm.Cancel:
		bare := c
		bare.Acknowledged = 0
		h.once(c.Request, bare, from)
	}
}

func (h *house) open(c lockfsm.Open) lockfsm.Result {
	for id := lockfsm.SessionID(1); id <= h.opened; id++ {
		if g := h.sessions[id]; g != nil && g.nonce == c.Nonce {
			return lockfsm.Result{Status: lockfsm.OK, Session: id, TTL: g.ttl}
		}
	}
	h.opened++
	g := &guest{id: h.opened, nonce: c.Nonce, ttl: c.TTL, requests: map[lockfsm.Sequence]*carried{}}
	h.sessions[g.id] = g
	h.extend(g)
	return lockfsm.Result{Status: lockfsm.OK, Session: g.id, TTL: c.TTL}
}

func (h *house) renew(id lockfsm.SessionID) lockfsm.Result {
	g := h.sessions[id]
	if g == nil {
		return lockfsm.Result{Status: lockfsm.UnknownSession, Session: id}
	}
	h.extend(g)
	return lockfsm.Result{Status: lockfsm.OK, Session: id}
}

func (h *house) extend(g *guest) {
	deadline := h.world.now + h.truly(g.ttl)
	g.deadline = deadline
	h.world.at(deadline, func() {
		if g.deadline == deadline {
			h.end(g)
		}
	})
}

func (h *house) end(g *guest) {
	if g == nil {
		return
	}
	delete(h.sessions, g.id)
	for sequence := lockfsm.Sequence(1); int(sequence) <= 1000; sequence++ {
		if r := g.requests[sequence]; r != nil && !r.answered {
			h.settle(r, lockfsm.Result{Status: lockfsm.UnknownSession, Session: g.id})
		}
	}
	for _, name := range names {
		if room := h.room(name); room.holder == g {
			h.handOver(room)
		}
	}
}

// once carries a numbered command out, or finds what it led to when it came before.
func (h *house) once(request lockfsm.Request, bare lockfsm.Command, from caller) {
	t := h.world.t
	g := h.sessions[request.Session]
	if g == nil {
		from.answer(lockfsm.Result{Status: lockfsm.UnknownSession, Session: request.Session})
		return
	}
	for ; g.acknowledged < request.Acknowledged; g.acknowledged++ {
		r := g.requests[g.acknowledged+1]
		require.True(t, r == nil || r.answered, "an answer that was never given is acknowledged")
		delete(g.requests, g.acknowledged+1)
	}
	if request.Sequence <= g.acknowledged {
		from.answer(lockfsm.Result{Status: lockfsm.SequenceForgotten, Session: g.id})
		return
	}
	r := g.requests[request.Sequence]
	if r != nil {
		if r.command != nil {
			require.True(t, reflect.DeepEqual(r.command, bare), "a number is used for two commands: %v, %v", r.command, bare)
		}
		h.world.count("repeated")
	} else {
		r = &carried{command: bare}
		g.requests[request.Sequence] = r
		h.carryOut(g, r)
	}
	r.callers = append(r.callers, from)
	if r.answered {
		h.settle(r, r.result)
	}
}

func (h *house) carryOut(g *guest, r *carried) {
	switch c := r.command.(type) {
	case lockfsm.Acquire:
		require.False(h.world.t, h.acquired[string(c.Value)], "an Acquire is carried out twice")
		h.acquired[string(c.Value)] = true
		h.acquire(g, r, c)
	case lockfsm.Release:
		status := lockfsm.StaleToken
		if room := h.room(c.Name); room.holder == g && room.token == c.Token {
			h.handOver(room)
			status = lockfsm.OK
		}
		h.settle(r, lockfsm.Result{Status: status, Session: g.id})
	case lockfsm.Cancel:
		h.cancel(g, c.Target)
		h.settle(r, lockfsm.Result{Status: lockfsm.OK, Session: g.id})
	}
}

func (h *house) acquire(g *guest, r *carried, c lockfsm.Acquire) {
	room := h.room(c.Name)
	switch {
	case room.holder == nil:
		h.grant(room, waiter{g, r})
	case c.Wait == lockfsm.NoWait:
		h.settle(r, lockfsm.Result{Status: lockfsm.Busy, Session: g.id})
	default:
		room.queue = append(room.queue, waiter{g, r})
		if c.Wait != lockfsm.Forever {
			h.world.at(h.world.now+h.truly(c.Wait), func() {
				if !r.answered {
					h.settle(r, lockfsm.Result{Status: lockfsm.TimedOut, Session: g.id})
				}
			})
		}
	}
}

func (h *house) cancel(g *guest, target lockfsm.Sequence) {
	r := g.requests[target]
	if r == nil {
		require.Greater(h.world.t, target, g.acknowledged, "what is to be canceled was forgotten")
		g.requests[target] = &carried{answered: true, result: lockfsm.Result{Status: lockfsm.Canceled, Session: g.id}}
		return
	}
	if !r.answered {
		h.settle(r, lockfsm.Result{Status: lockfsm.Canceled, Session: g.id})
		return
	}
	if r.result.Token == 0 {
		return
	}
	room := h.room(r.command.(lockfsm.Acquire).Name)
	if room.holder == g && room.token == r.result.Token {
		h.handOver(room)
	}
}

func (h *house) grant(room *room, to waiter) {
	h.token++
	room.holder, room.token = to.guest, h.token
	h.settle(to.request, lockfsm.Result{Status: lockfsm.OK, Session: to.guest.id, Token: h.token})
}

// handOver gives the lock to the first who still waits.
func (h *house) handOver(room *room) {
	room.holder, room.token = nil, 0
	for len(room.queue) > 0 && room.holder == nil {
		next := room.queue[0]
		room.queue = room.queue[1:]
		if !next.request.answered {
			h.grant(room, next)
		}
	}
}

func (h *house) settle(r *carried, result lockfsm.Result) {
	r.answered, r.result = true, result
	if acquire, is := r.command.(lockfsm.Acquire); is {
		result.Current = h.room(acquire.Name).token
	}
	for _, c := range r.callers {
		c.answer(result)
	}
	r.callers = nil
}

// forget drops the calls that wait at an endpoint, or only those of one player.
func (h *house) forget(matches func(caller) bool, tell func(caller)) {
	for id := lockfsm.SessionID(1); id <= h.opened; id++ {
		g := h.sessions[id]
		for sequence := lockfsm.Sequence(1); g != nil && sequence <= 1000; sequence++ {
			r := g.requests[sequence]
			if r == nil {
				continue
			}
			var left []caller
			for _, c := range r.callers {
				if matches(c) {
					tell(c)
				} else {
					left = append(left, c)
				}
			}
			r.callers = left
		}
	}
}
