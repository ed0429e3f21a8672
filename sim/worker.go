package sim

import (
	"strconv"
	"time"

	"lockd/client/session"
	"lockd/lockfsm"
	"lockd/wire"
)

// stage is how far a worker has come with its lock.
type stage uint8

const (
	idle stage = iota
	waiting
	holding
	leaving
)

// worker wants a lock, does its work under it, and gives it back, again and again.
type worker struct {
	client *client
	number int
	turn   uint64 // what was planned for an earlier turn is off

	stage  stage
	handle session.Handle
	name   string
	token  lockfsm.Token
	floor  lockfsm.Token // the highest token that anybody had been told when the lock was asked for
	since  time.Duration
	probes bool // it asked for the lock that shows that the healed world works
	proven bool // and got it
}

// begin is a new session's first turn.
func (w *worker) begin() { w.rest(w.client.whims.exponential(w.client.world.knobs.think)) }

// rest plans the next act.
func (w *worker) rest(pause time.Duration) {
	w.turn++
	c := w.client
	c.world.agenda.add(c.world.now+pause, event{kind: workerActs, place: c.eventPlace(), from: int32(w.number), number: w.turn})
}

// act is what the worker does when its time has come: ask for a lock, give it back, or change its mind.
func (w *worker) act() {
	switch w.stage {
	case idle:
		w.ask()
	case waiting:
		w.stage = leaving
		w.client.step(session.Cancel{Handle: w.handle})
	case holding:
		w.stage = leaving
		w.stray()
		w.client.step(session.Release{Handle: w.handle})
	}
}

// stray lets somebody else give the lock back as well: the token is all that one needs. It may come first, and then the
// worker's own release is the stale one; or long after the lock has gone to the next.
func (w *worker) stray() {
	c := w.client
	d := c.whims
	strays, late, wait, member := c.world.befalls(Stray, d), d.chance(million/2), d.exponential(2*second), d.below(len(c.world.members))
	if !strays {
		return
	}
	if leader := c.world.leader(); leader != nil {
		member = leader.place
	}
	if !late {
		wait /= 1000
	}
	c.world.strike(Stray)
	frame, _ := wire.EncodeCalls(nil, []wire.Call{{Request: lockfsm.Release{Name: w.name, Token: w.token}}})
	c.world.agenda.add(c.world.now+wait, event{kind: callsArrive, ghost: true, place: int32(member), from: int32(c.place), bytes: frame})
}

func (w *worker) ask() {
	c := w.client
	d, k := c.whims, &c.world.knobs
	wait := pick(d, lockfsm.NoWait, lockfsm.Forever, lockfsm.Forever, 200*millisecond, 2*second)
	name, cancels, patience := w.choose(), d.chance(k.cancels), d.exponential(300*millisecond)
	if c.world.healed {
		if w.proven {
			return
		}
		name, wait, cancels, w.probes = probe, lockfsm.Forever, false, true
	}
	if d.chance(k.closes) && !c.world.healed {
		c.world.tell("client %d closes its session", c.place)
		c.step(session.Close{})
		return
	}
	c.handles += session.Handle(len(c.workers))
	w.handle = c.handles + session.Handle(w.number)
	w.stage, w.name, w.token, w.since = waiting, name, 0, c.world.now
	w.floor = c.world.judge.told
	w.turn++
	if cancels {
		w.rest(patience)
	}
	c.step(session.Acquire{Handle: w.handle, Name: name, Value: []byte("w" + strconv.Itoa(w.number)), Wait: wait})
}

// probe is the lock by which everybody shows that they are served after the world has healed.
const probe = "probe"

// choose takes a lock that everybody wants, or one of the client's own.
func (w *worker) choose() string {
	d, k := w.client.whims, &w.client.world.knobs
	shared, common := d.chance(million/2), d.below(k.shared)
	if shared {
		return sharedNames[common]
	}
	return w.client.own()
}

var sharedNames = [...]string{"a", "b", "c", "d"}

func (c *client) own() string { return "own-" + strconv.Itoa(c.place) }

// granted is the moment of which everything here is about.
func (w *worker) granted(result lockfsm.Result) {
	c := w.client
	d, k := c.whims, &c.world.knobs
	hold, long, longer := d.exponential(k.hold), d.chance(k.longHold), d.exponential(3*second)
	if w.stage != waiting && w.stage != leaving {
		fail(Reply, "client %d is granted lock %s, which it did not ask for", c.place, w.name)
	}
	w.token = result.Token
	c.world.grants++
	c.world.judge.toldGrant(w)
	c.world.tell("client %d holds lock %s, token %d", c.place, w.name, w.token)
	if w.stage == leaving {
		return
	}
	w.stage = holding
	if long && !c.world.healed {
		hold = longer
	}
	w.present(demand{verb: reads})
	w.rest(hold)
}

// done is the end of a turn, whichever it was.
func (w *worker) done(handle session.Handle, how string) {
	if handle != w.handle || w.stage == idle {
		return
	}
	if w.probes && how == "released" {
		w.proven = true
	}
	w.stage, w.probes = idle, false
	if w.client.session != nil {
		w.rest(w.client.whims.exponential(w.client.world.knobs.think))
	}
}

// hear takes the resource's answer to a read: the holder changes what it read, and writes it back. A careless one does not look
// whether it still holds the lock, and must be stopped by the resource.
func (w *worker) hear(answer demand) {
	c := w.client
	careless := c.whims.chance(c.world.knobs.careless)
	if w.stage != holding || answer.token != w.token || answer.verb != reads {
		return
	}
	if careless || c.session.Held(c.now(), w.handle) {
		w.present(demand{verb: writes, base: answer.base})
	}
}

// present sends a demand under the worker's token.
func (w *worker) present(d demand) {
	c := w.client
	d.token, d.worker, d.boot = w.token, w.number, c.boot
	d.lock = lockNumber(w.name, c.place)
	c.world.ask(c, d)
}
