package sim

import (
	"strconv"
	"time"

	"lockd/client/session"
	"lockd/linearizability"
	"lockd/lockfsm"
	"lockd/schedule"
	"lockd/sim/draw"
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

	stage     stage
	handle    session.Handle
	name      string
	token     lockfsm.Token
	floor     lockfsm.Token // the highest token that anybody had been told when the lock was asked for
	since     time.Duration
	operation int  // in the history: its Acquire, and then its Release
	probes    bool // it asked for the lock that shows that the healed world works
	proven    bool // and got it
}

// begin is a new session's first turn.
func (w *worker) begin() { w.rest(w.client.whims.Exponential(w.client.world.knobs.think)) }

// rest plans the next act.
func (w *worker) rest(pause time.Duration) {
	w.turn++
	c := w.client
	c.world.agenda.Add(c.world.now+pause, event{kind: workerActs, place: c.eventPlace(), from: int32(w.number), number: w.turn})
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
		w.peek()
		w.stray()
		w.operation = w.client.world.called(w.asOperation(linearizability.Release))
		w.client.step(session.Release{Handle: w.handle})
	}
}

func (w *worker) asOperation(kind linearizability.Kind) linearizability.Operation {
	return linearizability.Operation{
		Kind: kind, Client: int32(w.client.place + 1), Lock: w.name, Session: uint64(w.client.session.ID()), Token: uint64(w.token),
	}
}

// peek asks now and then, before and after the lock is given back, whether the token is the holder's. Whoever is asked answers truly
// or not at all, above all who believes that it leads and does not.
func (w *worker) peek() {
	c := w.client
	looks, member, rivals := c.whims.Chance(c.world.knobs.looks), c.whims.Below(len(c.world.members)), c.whims.Chance(draw.Million/2)
	if rival := c.world.rival(); rivals && rival != nil {
		looks, member = c.world.knobs.looks > 0, rival.place
	}
	if looks {
		c.look(w.name, w.token, member)
	}
}

// consult asks a member at once whether the tokens that the workers had last are still good.
func (c *client) consult(m *member) {
	if c.session == nil || c.paused || c.world.knobs.looks == 0 {
		return
	}
	for _, w := range c.workers {
		if w.token != 0 {
			c.look(w.name, w.token, m.place)
		}
	}
}

// stray lets somebody else give the lock back as well: the token is all that one needs. It may come first, and then the
// worker's own release is the stale one; or long after the lock has gone to the next.
func (w *worker) stray() {
	c := w.client
	if !c.stray.strikes() {
		return
	}
	d := c.stray.draws()
	late, wait := d.Chance(draw.Million/2), d.Exponential(2*second)
	if !late {
		wait /= 1000
	}
	c.stray.happened()
	c.releasedElsewhere(w.name, w.token, wait)
}

// releasedElsewhere is somebody else's release, who has the token and says nothing to the holder.
func (c *client) releasedElsewhere(name string, token lockfsm.Token, wait time.Duration) {
	w, member := c.world, 0
	if leader := w.leader(); leader != nil {
		member = leader.place
	}
	w.called(linearizability.Operation{Kind: linearizability.Release, Client: int32(c.place + 1), Lock: name, Token: uint64(token)})
	frame, _ := wire.EncodeCalls(nil, []wire.Call{{Request: lockfsm.Release{Name: name, Token: token}}})
	w.agenda.Add(w.now+wait, event{kind: callsArrive, ghost: true, place: int32(member), from: int32(c.place), bytes: frame})
}

// poach lets somebody else give a lock back as soon as it is granted, perhaps before its holder hears of it.
func (w *world) poach(name string, session lockfsm.SessionID, token lockfsm.Token) {
	if !w.knobs.enabled[schedule.Stray] {
		return
	}
	for _, c := range w.clients {
		if c.session != nil && c.session.ID() == session && c.poach.strikes() {
			c.poach.happened()
			c.releasedElsewhere(name, token, c.poach.draws().Exponential(w.knobs.clientDelay))
		}
	}
}

func (w *worker) ask() {
	c := w.client
	d, k := c.whims, &c.world.knobs
	wait := draw.Pick(d, lockfsm.NoWait, lockfsm.Forever, lockfsm.Forever, 200*millisecond, 2*second)
	name, cancels, patience := w.choose(), d.Chance(k.cancels), d.Exponential(draw.Pick(d, millisecond, 20*millisecond, 300*millisecond, 300*millisecond))
	if c.world.healed {
		if w.proven {
			return
		}
		name, wait, cancels, w.probes = probeLock, lockfsm.Forever, false, true
	}
	if grabs, member := d.Chance(k.looks/2), d.Below(len(c.world.members)); grabs && !c.world.healed {
		if leader := c.world.leader(); leader != nil {
			member = leader.place
		}
		c.grab(member)
	}
	if d.Chance(k.closes) && !c.world.healed {
		c.world.tell("client %d closes its session", c.place+1)
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
	w.operation = c.world.called(w.asOperation(linearizability.Acquire))
	c.step(session.Acquire{Handle: w.handle, Name: name, Value: []byte("w" + strconv.Itoa(w.number)), Wait: wait})
}

// probeLock is the lock by which everybody shows that they are served after the world has healed.
const probeLock = "probe"

// choose takes a lock that everybody wants, or one of the client's own.
func (w *worker) choose() string {
	d, k := w.client.whims, &w.client.world.knobs
	shared, common := d.Chance(k.contention), d.Below(k.shared)
	if shared {
		return sharedNames[common]
	}
	return w.client.own()
}

// The last of the locks that all clients want protects a resource that does not look at tokens.
var sharedNames = [...]string{"a", "b", "c", unfenced}

const unfenced = "unfenced"

func (c *client) own() string { return "own-" + strconv.Itoa(c.place+1) }

func (w *worker) isShared() bool { return len(w.name) < 4 || w.name == unfenced }

// granted is the moment of which everything here is about.
func (w *worker) granted(result lockfsm.Result) {
	c := w.client
	d, k := c.whims, &c.world.knobs
	hold, long, longer := d.Exponential(k.hold), d.Chance(k.longHold), d.Exponential(3*second)
	if w.stage != waiting && w.stage != leaving {
		c.world.judge.fail(Reply, "client %d is granted lock %s, which it did not ask for", c.place+1, w.name)
		return
	}
	w.token = result.Token
	c.world.grants++
	if w.probes {
		c.world.probed++
	}
	if w.isShared() {
		c.world.contended++
	}
	o := c.world.returned(w.operation, linearizability.Done)
	o.Token, o.Session, o.Revision = uint64(result.Token), uint64(c.session.ID()), result.Revision
	c.world.judge.toldGrant(w, result.Current)
	c.world.tell("client %d holds lock %s, token %d", c.place+1, w.name, w.token)
	w.verify()
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

// refused is the end of an Acquire that would not wait any longer, or of a Release that shows an old token.
func (w *worker) refused(t session.Refused) {
	if t.Handle == w.handle && w.stage != idle {
		o := w.client.world.returned(w.operation, linearizability.Refused)
		o.Current, o.Tells, o.Revision = uint64(t.Result.Current), true, t.Result.Revision
	}
	w.done(t.Handle)
}

func (w *worker) released(handle session.Handle) {
	c := w.client
	if handle == w.handle && c.world.history.Operations[w.operation].Kind == linearizability.Release {
		if c.session.State() != session.Closed { // if it is, that may have given the lock back before the release was called
			c.world.returned(w.operation, linearizability.Done)
			w.peek()
		}
		c.world.releases++
		w.proven = w.proven || w.probes
	}
	w.done(handle)
}

func (w *worker) rejected(handle session.Handle) {
	if handle == w.handle && w.stage != idle {
		w.client.world.returned(w.operation, linearizability.Rejected)
	}
	w.done(handle)
}

// done is the end of a turn, whichever it was.
func (w *worker) done(handle session.Handle) {
	if handle != w.handle || w.stage == idle {
		return
	}
	w.stage, w.probes = idle, false
	if w.client.session != nil {
		w.rest(w.client.whims.Exponential(w.client.world.knobs.think))
	}
}

// hear takes the resource's answer to a read: the holder changes what it read, and writes it back. A careless one does not look
// whether it still holds the lock, and must be stopped by the resource.
func (w *worker) hear(answer demand) {
	c := w.client
	careless := c.whims.Chance(c.world.knobs.careless)
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
	d.operation = w.callResource(d)
	c.world.ask(c, d)
}

// callResource notes a demand in the history. What nobody guards is nobody's to judge.
func (w *worker) callResource(d demand) int {
	if w.name == unfenced {
		return unjudged
	}
	o := w.asOperation(linearizability.Read)
	if d.verb == writes {
		o.Kind, o.Base, o.Value = linearizability.Write, d.base, uint64(d.token)
	}
	return w.client.world.called(o)
}
