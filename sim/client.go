package sim

import (
	"fmt"
	"time"

	"lockd/client/session"
	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
)

// client is a machine with an application: a session, and workers that use its locks.
type client struct {
	world *world
	place int
	whims draws // what its workers do
	luck  draws // how it ends and begins

	boot    uint32
	clock   clock
	session *session.Session // nil while it is down
	output  session.Output
	paused  bool
	backlog []event
	alarm   time.Duration
	ended   bool // the session has nothing more to send

	workers []*worker
	handles session.Handle
	opened  uint64 // sessions so far

	frames [][]wire.Call // by endpoint
}

func newClient(w *world, place int) *client {
	seed := w.config.Seed
	c := &client{world: w, place: place, whims: newDraws(seed, "whims", place), luck: newDraws(seed, "client luck", place)}
	c.clock = clock{boot: c.luck.between(0, time.Hour), drift: w.drift(c.luck)}
	c.frames = make([][]wire.Call, w.config.Members)
	for i := range w.knobs.workers {
		c.workers = append(c.workers, &worker{client: c, number: i})
	}
	return c
}

func (c *client) now() time.Duration { return c.clock.read(c.world.now) }

// open begins a session.
func (c *client) open() {
	w := c.world
	c.opened++
	c.ended = false
	c.session = session.New(session.Config{
		Endpoints: w.config.Members,
		TTL:       c.luck.between(w.knobs.ttlLow, w.knobs.ttlHigh),
		Owner:     fmt.Sprint("client ", c.place),
		Nonce:     uint64(c.place+1)<<32 | c.opened,
		Drift:     w.knobs.drift,
		Resend:    session.DefaultResend, Pause: session.DefaultPause, LongestPause: session.DefaultLongestPause,
		Random: newDraws(w.config.Seed, "pauses", c.place, int(c.opened)),
	}, c.now())
	for _, worker := range c.workers {
		worker.begin()
	}
	c.drain()
}

func (c *client) take(e event) {
	switch {
	case c.paused:
		c.backlog = append(c.backlog, e)
	default:
		c.handle(e)
	}
}

func (c *client) handle(e event) {
	switch e.kind {
	case repliesArrive:
		c.receive(e)
	case linkBroken:
		if l := c.world.network.link(c.place, int(e.from)); l.generation == uint32(e.number) {
			l.renew()
			c.step(session.Disconnected{Endpoint: session.Endpoint(e.from)})
		}
	case clientAlarm:
		if e.boot == c.boot && e.number == uint64(c.alarm) {
			c.alarm = 0
			c.step(session.Timeout{})
		}
	case clientStarts:
		if e.boot == c.boot && c.session == nil {
			c.world.tell("client %d starts", c.place)
			c.open()
		}
	case workerActs:
		if w := c.workers[e.from]; c.session != nil && e.number == w.turn {
			w.act()
		}
	case resourceAnswers:
		if c.session != nil && e.boot == c.boot {
			c.workers[e.from].hear(decodeDemand(e.bytes))
		}
	}
}

func (c *client) step(input session.Input) {
	if c.session == nil {
		return
	}
	c.session.Step(c.now(), input)
	c.drain()
}

// drain sends what the session wants sent, and tells the workers what it says.
func (c *client) drain() {
	c.session.Drain(&c.output)
	for _, send := range c.output.Sends {
		c.frames[send.Endpoint] = append(c.frames[send.Endpoint], wire.Call{ID: uint64(send.Correlation), Request: send.Command})
	}
	for endpoint, calls := range c.frames {
		if len(calls) == 0 {
			continue
		}
		frame, refused := wire.EncodeCalls(nil, calls)
		if len(refused) > 0 {
			panic("sim: a client made a call that can't be carried")
		}
		c.world.network.call(c.place, endpoint, frame)
		c.frames[endpoint] = calls[:0]
	}
	for _, told := range c.output.Events {
		if c.session == nil {
			return // the application has given it up in between
		}
		c.hear(told)
	}
	c.setAlarm()
}

func (c *client) setAlarm() {
	if c.session == nil {
		return
	}
	deadline := c.session.Deadline()
	if deadline == session.Never {
		return
	}
	due := max(c.clock.when(deadline), c.world.now)
	if c.alarm != 0 && c.alarm <= due {
		return
	}
	c.alarm = due
	c.world.agenda.add(due, event{kind: clientAlarm, place: c.eventPlace(), boot: c.boot, number: uint64(due)})
}

func (c *client) eventPlace() int32 { return int32(c.world.config.Members + c.place) }

func (c *client) receive(e event) {
	l := c.world.network.link(c.place, int(e.from))
	if l.broken || uint32(e.number) != l.generation {
		return
	}
	replies, err := wire.DecodeReplies(e.bytes)
	must(err)
	for _, reply := range replies {
		if reply.ID == 0 {
			continue // it was a stray's, who does not listen
		}
		switch answer := reply.Answer.(type) {
		case lockfsm.Result:
			c.step(session.Answer{Correlation: session.Correlation(reply.ID), Result: answer})
		case server.Refusal:
			c.step(session.Refusal{
				Correlation: session.Correlation(reply.ID), Reason: session.Reason(answer.Reason),
				Leader: session.Endpoint(answer.Leader) - 1, Detail: answer.Detail,
			})
		default:
			panic(fmt.Sprintf("sim: nobody asked for a %T", answer))
		}
	}
}

// hear takes what the session says.
func (c *client) hear(told session.Event) {
	switch t := told.(type) {
	case session.Changed:
		c.changed(t.State)
	case session.NotOpened:
		fail(Reply, "client %d is not let in: %v", c.place, t.Err)
	case session.Ended:
		c.ended = true
		c.reopen()
	case session.Granted:
		c.worker(t.Handle).granted(t.Result)
	case session.Refused:
		c.worker(t.Handle).done(t.Handle, "refused")
	case session.Released:
		c.worker(t.Handle).done(t.Handle, "released")
	case session.Canceled:
		c.worker(t.Handle).done(t.Handle, "canceled")
	case session.Rejected:
		c.worker(t.Handle).done(t.Handle, "rejected")
	case session.Lost:
		c.world.tell("client %d has lost lock %s, token %d", c.place, c.worker(t.Handle).name, c.worker(t.Handle).token)
		c.worker(t.Handle).done(t.Handle, "lost")
	case session.Unknown:
		c.worker(t.Handle).done(t.Handle, "unknown")
	}
}

func (c *client) changed(state session.State) {
	if state == session.Gone {
		c.world.tell("client %d has lost its session", c.place)
		c.world.lost++
		if c.whims.chance(million / 2) {
			c.reopen() // what is left of the old session is none of the new one's business
		}
	}
}

// reopen begins a new session after a moment.
func (c *client) reopen() {
	c.boot++
	c.session, c.alarm = nil, 0
	for _, w := range c.workers {
		w.turn++
		w.stage = idle
	}
	c.hangUp()
	c.world.agenda.add(c.world.now+c.luck.exponential(100*millisecond), event{kind: clientStarts, place: c.eventPlace(), boot: c.boot})
}

// hangUp ends all connections: a later session has its own. The members hear of it when they do.
func (c *client) hangUp() {
	for member := range c.world.members {
		l := c.world.network.link(c.place, member)
		silence := c.luck.exponential(second)
		c.world.network.breakLink(c.place, member, 0, silence)
		l.renew()
	}
}

// worker is the one whose lock a handle names: handles are given out so that they tell.
func (c *client) worker(handle session.Handle) *worker {
	return c.workers[int(handle)%len(c.workers)]
}

func (c *client) resume() {
	c.paused = false
	waiting := c.backlog
	c.backlog = nil
	for i, e := range waiting {
		if c.paused {
			c.backlog = append(c.backlog, waiting[i:]...)
			return
		}
		c.handle(e)
	}
}

// crash ends the application without a word. A new one begins later.
func (c *client) crash() {
	c.paused, c.backlog = false, nil
	c.reopen()
}
