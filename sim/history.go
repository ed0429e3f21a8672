package sim

import (
	"fmt"
	"slices"

	"lockd/client/session"
	"lockd/linearizability"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/sim/draw"
	"lockd/wire"
)

// The history is what clients' applications called and were told. It is judged when the run is over, by judges that know nothing of
// servers (package linearizability). Sessions are judged by what they send: whose renewal was answered must live for its TTL.

// called notes that an operation begins, and returns its number.
func (w *world) called(o linearizability.Operation) int {
	w.order++
	o.Call, o.Called, o.Return = w.order, w.now, linearizability.Never
	if n := len(w.history.Operations); n == cap(w.history.Operations) {
		w.history.Operations = slices.Grow(w.history.Operations, n+1024) // twofold: there may be very many
	}
	w.history.Operations = append(w.history.Operations, o)
	return len(w.history.Operations) - 1
}

// returned notes that it ends, and how.
func (w *world) returned(number int, outcome linearizability.Outcome) *linearizability.Operation {
	w.order++
	o := &w.history.Operations[number]
	o.Return, o.Returned, o.Outcome = w.order, w.now, outcome
	return o
}

// sends notes what the session sends on its own behalf: each sending is an operation, as the answer tells which one it answers.
func (c *client) sends(send session.Send) {
	o := linearizability.Operation{Client: int32(c.place + 1), Session: uint64(c.session.ID())}
	switch command := send.Command.(type) {
	case lockfsm.Open:
		o.Kind, o.TTL = linearizability.Open, command.TTL
	case lockfsm.Renew:
		o.Kind = linearizability.Renew
	case lockfsm.Close:
		o.Kind = linearizability.Close
	default:
		return
	}
	c.sent[send.Correlation] = c.world.called(o)
}

// answered notes the answer to what the session sent.
func (c *client) answered(correlation session.Correlation, result lockfsm.Result) {
	number, known := c.sent[correlation]
	if !known {
		return
	}
	delete(c.sent, correlation)
	outcome := linearizability.Done
	if result.Status != lockfsm.OK {
		outcome = linearizability.Refused
	}
	o := c.world.returned(number, outcome)
	if o.Kind == linearizability.Renew && outcome == linearizability.Done {
		c.world.judge.renewed(c, o.Called)
	}
	if o.Kind == linearizability.Open && outcome == linearizability.Done {
		o.Session, o.TTL = uint64(result.Session), result.TTL
	}
}

// looks is the bit by which a client tells the calls that it makes past its session.
const looks = 1 << 63

// ask makes a call past the session.
func (c *client) ask(member int, request server.Request, o linearizability.Operation) {
	c.looked++
	c.looking[c.looked] = c.world.called(o)
	frame, refused := wire.EncodeCalls(nil, []wire.Call{{ID: looks | c.looked, Request: request}})
	if len(refused) > 0 {
		panic("sim: a client made a call that can't be carried")
	}
	c.world.network.call(c.place, member, frame)
}

// rival is a member that believes that it leads, while another one leads a later term; nil: there is none.
func (w *world) rival() *member {
	leader := w.leader()
	for _, m := range w.members {
		if m != leader && m.up() && m.server.Node().Role() == raft.Leader {
			return m
		}
	}
	return nil
}

// inquire has holders ask a new leader whether their tokens are good, before it knows what was committed last.
func (w *world) inquire(m *member) {
	if w.knobs.looks == 0 || w.healed {
		return
	}
	for _, c := range w.clients {
		for _, worker := range c.workers {
			if worker.stage == holding && !c.paused && w.inquiry.Chance(draw.Million/2) {
				c.look(worker.name, worker.token, m.place)
			}
		}
	}
}

// grab asks for a lock as somebody does who repeats nothing: without a number, and whatever the answer is. Told that it was not carried out, it believes
// that. What it is granted it gives back the same way, at the next occasion.
func (c *client) grab(member int) {
	if c.session.ID() == 0 {
		return
	}
	o := linearizability.Operation{Kind: linearizability.Acquire, Client: int32(c.place + 1), Lock: c.rawLock(), Session: uint64(c.session.ID())}
	var request server.Request = lockfsm.Acquire{Request: lockfsm.Request{Session: c.session.ID()}, Name: c.rawLock(), Wait: lockfsm.NoWait}
	if c.grabbed != 0 {
		o.Kind, o.Token = linearizability.Release, uint64(c.grabbed)
		request = lockfsm.Release{Name: c.rawLock(), Token: c.grabbed}
	}
	c.ask(member, request, o)
}

// rawLock is the session's own lock for that: what nobody knows of an earlier session excuses nothing in this one.
func (c *client) rawLock() string { return fmt.Sprint("raw-", c.session.ID()) }

// saw takes the answer.
func (c *client) saw(reply wire.Reply) {
	number, known := c.looking[reply.ID&^looks]
	if !known {
		return
	}
	delete(c.looking, reply.ID&^looks)
	switch a := reply.Answer.(type) {
	case server.Checked:
		outcome := linearizability.Refused
		c.world.hit(checkAnswered)
		if a.Valid {
			outcome = linearizability.Done
		} else {
			c.world.hit(staleTokenChecked)
		}
		o := c.world.returned(number, outcome)
		o.Current, o.Tells, o.Revision = uint64(a.Current), true, a.Revision
	case lockfsm.Result:
		c.grabs(number, a)
	case server.Refusal:
		c.world.hit(checkRefused)
		if a.Reason != server.Unknown {
			c.world.returned(number, linearizability.Rejected)
		}
	default:
		panic(fmt.Sprintf("sim: a check was answered with a %T", a))
	}
}

// grabs takes the lock machine's answer to who repeats nothing.
func (c *client) grabs(number int, result lockfsm.Result) {
	outcome := linearizability.Done
	if result.Status != lockfsm.OK {
		outcome = linearizability.Refused
	}
	o := c.world.returned(number, outcome)
	switch {
	case o.Kind == linearizability.Release:
		c.grabbed = 0
	case outcome == linearizability.Done:
		c.grabbed, o.Token = result.Token, uint64(result.Token)
		c.world.hit(grabbedWithoutNumber)
	default:
		o.Current, o.Tells, o.Revision = uint64(result.Current), true, result.Revision
	}
}
