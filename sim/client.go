package sim

import (
	"fmt"
	"slices"
	"time"

	"lockd/client/session"
	"lockd/lockfsm"
	"lockd/schedule"
	"lockd/server"
	"lockd/sim/draw"
	"lockd/wire"
)

// client is a machine with an application: a session, and workers that use its locks.
type client struct {
	world *world
	place int
	whims draw.Draws // what its workers do
	luck  draw.Draws // how it ends and begins
	stray site       // when a lock is given back
	poach site       // and when it was granted
	trust draw.Draws // in clocks: which of its queries may rest on a lease

	boot    uint32
	clock   clock
	wall    time.Duration    // by how much its wall clock is off
	session *session.Session // nil while it is down
	output  session.Output
	paused  bool
	faints  time.Duration // for how long it will stand still as soon as it has sent a renewal; zero: it will not
	backlog []event
	alarm   time.Duration

	// How the judges' totals stood when the session first sent the renewal by which it counts its lease, and the one under way.
	sworn, asked pledge
	asks         bool
	until        time.Duration
	ended        bool // the session has nothing more to send

	workers []*worker
	handles session.Handle
	opened  uint64 // sessions so far

	frames [][]wire.Call // by endpoint

	// Of the history: numbers of operations.
	sent    map[session.Correlation]int // what the session asked for on its own behalf
	looking map[uint64]int              // by the number of the look
	looked  uint64
	grabbed lockfsm.Token // of the lock of those who repeat nothing; zero: not held
}

func newClient(w *world, place int) *client {
	seed := w.config.Seed
	c := &client{world: w, place: place, whims: draw.New(seed, "whims", place), luck: draw.New(seed, "client luck", place), trust: draw.New(seed, "trust", place)}
	c.stray = w.site(schedule.Stray, w.config.Members+place, nowhere)
	c.poach = w.site(schedule.Stray, w.config.Members+place, 0)
	c.clock = newClock(c.luck.Between(0, time.Hour), w.drift(c.luck, -1), w.knobs.drift)
	c.sent, c.looking = map[session.Correlation]int{}, map[uint64]int{}
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
		TTL:       c.luck.Between(w.knobs.ttlLow, w.knobs.ttlHigh),
		Owner:     fmt.Sprint("client ", c.place),
		Nonce:     uint64(c.place+1)<<32 | c.opened,
		Drift:     w.knobs.drift,
		Resend:    session.DefaultResend, Pause: session.DefaultPause, LongestPause: session.DefaultLongestPause,
		Random: draw.New(w.config.Seed, "pauses", c.place, int(c.opened)),
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
			if c.session != nil && c.now() >= c.session.Deadline() {
				c.world.deadlineCame(&c.clock)
			}
			c.step(session.Timeout{})
		}
	case clientStarts:
		if e.boot == c.boot && c.session == nil {
			c.world.tell("client %d starts", c.place+1)
			c.open()
		}
	case workerActs:
		if w := c.workers[e.from]; c.session != nil && e.number == w.turn {
			w.act()
		}
	case resourceAnswers:
		if answer := decodeDemand(e.bytes); c.session != nil && e.boot == c.boot {
			answer.noted(c.world)
			c.workers[e.from].hear(answer)
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
	if until := c.session.Until(); until > c.until {
		c.returns()
		c.until, c.sworn, c.asks = until, c.asked, false
	}
	c.session.Drain(&c.output)
	for _, send := range c.output.Sends {
		c.sends(send)
		c.swears(send)
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
	c.faint()
	for _, told := range c.output.Events {
		if c.session == nil {
			return // the application has given it up in between
		}
		c.hear(told)
	}
	c.setAlarm()
}

// faint stops a client that was to be stopped as soon as it has sent a renewal.
func (c *client) faint() {
	if c.faints == 0 || c.paused || c.world.healed || !slices.ContainsFunc(c.output.Sends, renews) {
		return
	}
	c.world.tell("client %d has sent a renewal", c.place+1)
	c.stop(c.faints)
}

func renews(send session.Send) bool {
	_, renewal := send.Command.(lockfsm.Renew)
	return renewal
}

// holds tells whether one of its workers has been granted a lock, and has not given it back.
func (c *client) holds() bool {
	return slices.ContainsFunc(c.workers, func(w *worker) bool { return w.stage == holding })
}

// returns judges a lease that was made longer: one that was over is over for good, whoever held something under it.
func (c *client) returns() {
	if c.until == 0 || c.now() < c.until {
		return
	}
	for _, w := range c.workers {
		if w.stage == holding {
			c.world.judge.fail(Belief, "client %d holds lock %s again, token %d, after its lease was over", c.place+1, w.name, w.token)
		}
	}
}

// swears notes when a renewal is sent for the first time: a resend is the same renewal.
func (c *client) swears(send session.Send) {
	switch send.Command.(type) {
	case lockfsm.Open, lockfsm.Renew:
		if !c.asks {
			c.asked, c.asks = pledge{c.world.judge.ahead, c.clock.behind(c.world.now)}, true
		}
	}
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
	c.world.agenda.Add(due, event{kind: clientAlarm, place: c.eventPlace(), boot: c.boot, number: uint64(due)})
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
		switch {
		case reply.ID == 0:
			continue // it was a stray's, who does not listen
		case reply.ID&looks != 0:
			c.saw(reply)
			continue
		}
		switch answer := reply.Answer.(type) {
		case lockfsm.Result:
			c.answered(session.Correlation(reply.ID), answer)
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
		fail(Reply, "client %d is not let in: %v", c.place+1, t.Err)
	case session.Ended:
		c.ended = true
		c.reopen()
	case session.Granted:
		c.worker(t.Handle).granted(t.Result)
	case session.Refused:
		c.worker(t.Handle).refused(t)
	case session.Released:
		c.worker(t.Handle).released(t.Handle)
	case session.Canceled:
		c.worker(t.Handle).done(t.Handle)
	case session.Rejected:
		c.worker(t.Handle).rejected(t.Handle)
	case session.Lost:
		c.world.tell("client %d has lost lock %s, token %d", c.place+1, c.worker(t.Handle).name, c.worker(t.Handle).token)
		c.worker(t.Handle).done(t.Handle)
	case session.Unknown:
		c.worker(t.Handle).done(t.Handle)
	}
}

func (c *client) changed(state session.State) {
	switch state {
	case session.Jeopardy:
		c.world.hit(sessionInJeopardy)
	case session.Gone:
		c.world.hit(sessionLost)
		c.world.tell("client %d has lost its session", c.place+1)
		if c.whims.Chance(draw.Million / 2) {
			c.reopen() // what is left of the old session is none of the new one's business
		}
	}
}

// reopen begins a new session after a moment.
func (c *client) reopen() {
	c.boot++
	c.session, c.alarm, c.faints = nil, 0, 0
	c.until, c.asks = 0, false
	clear(c.sent)
	clear(c.looking)
	c.grabbed = 0
	for _, w := range c.workers {
		w.turn++
		w.stage = idle
	}
	c.hangUp()
	c.world.agenda.Add(c.world.now+c.luck.Exponential(100*millisecond), event{kind: clientStarts, place: c.eventPlace(), boot: c.boot})
}

// hangUp ends all connections: a later session has its own. The members hear of it when they do.
func (c *client) hangUp() {
	for member := range c.world.members {
		l := c.world.network.link(c.place, member)
		silence := c.luck.Exponential(second)
		c.world.network.breakLink(c.place, member, 0, silence)
		l.renew()
	}
}

// worker is the one whose lock a handle names: handles are given out so that they tell.
func (c *client) worker(handle session.Handle) *worker {
	return c.workers[int(handle)%len(c.workers)]
}

// stop lets the client stand still. What comes for it waits.
func (c *client) stop(lasts time.Duration) {
	c.world.tell("client %d stands still for %v", c.place+1, lasts)
	c.paused, c.faints = true, 0
	c.world.agenda.Add(c.world.now+lasts, event{kind: clientResumes, place: c.eventPlace(), boot: c.boot})
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
