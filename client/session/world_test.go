package session

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/lockfsm"
)

func dice(seed uint64) rand.Source { return rand.NewPCG(seed, seed) }

var names = []string{"a", "b"}

// world is true time, a network that loses, repeats, delays and overtakes, servers that pass leadership around, and players
// who grab locks, are stopped and go on.
type world struct {
	t       *rapid.T
	now     time.Duration
	agenda  agenda
	made    int
	random  *rand.Rand
	house   *house
	players []*player
	leader  Endpoint
	ports   int
	rough   bool // until the world is healed
	loss    int  // messages in a hundred
	counts  map[string]int
}

type appointment struct {
	at    time.Duration
	order int
	do    func()
}

type agenda []appointment

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(appointment)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func (w *world) at(at time.Duration, do func()) {
	w.made++
	heap.Push(&w.agenda, appointment{at: max(at, w.now), order: w.made, do: do})
}

func (w *world) soon(longest time.Duration, do func()) {
	w.at(w.now+time.Duration(w.random.Int64N(int64(longest))), do)
}

func (w *world) percent(n int) bool { return w.rough && w.random.IntN(100) < n }

func (w *world) count(what string) { w.counts[what]++ }

// run lets time go by, and looks at everybody's belief after each thing that happens.
func (w *world) run(until time.Duration) {
	for len(w.agenda) > 0 && w.agenda[0].at <= until {
		next := heap.Pop(&w.agenda).(appointment)
		w.now = next.at
		next.do()
		w.checkBeliefs()
	}
	w.now = until
}

// checkBeliefs: whoever looks at its clock and finds its lock held is the one whom the servers have as its holder.
func (w *world) checkBeliefs() {
	for _, p := range w.players {
		for _, l := range p.session.locks {
			if !p.session.Held(p.clock(w.now), l.handle) {
				continue
			}
			w.count("beliefs")
			room := w.house.room(l.name)
			require.True(w.t, room.holder != nil && room.holder.id == p.session.ID() && room.token == p.tokens[l.handle],
				"player %d believes that it holds %s under token %d, at %v", p.number, l.name, p.tokens[l.handle], w.now)
		}
	}
}

// changeLeader takes leadership from one endpoint and gives it, perhaps later, to another. The calls that wait there are told
// that nobody knows.
func (w *world) changeLeader() {
	if !w.rough {
		return
	}
	old := w.leader
	w.leader = Endpoint(w.random.IntN(w.ports+1) - 1)
	if w.leader == Nowhere {
		w.soon(second, func() { w.leader = Endpoint(w.random.IntN(w.ports)) })
	}
	w.house.forget(func(c caller) bool { return c.endpoint == old && old != w.leader }, func(c caller) {
		w.reply(c, Refusal{Correlation: c.correlation, Reason: FateUnknown, Leader: w.hint()})
	})
	w.soon(8*second, w.changeLeader)
}

// hint is who leads, or, in a rough world, at times nobody or anybody.
func (w *world) hint() Endpoint {
	if w.percent(30) {
		return Endpoint(w.random.IntN(w.ports+1) - 1)
	}
	return w.leader
}

// caller is one sending that arrived.
type caller struct {
	player      *player
	session     *Session // a player begins a new one when the old one came to its end
	endpoint    Endpoint
	correlation Correlation
	waits       bool
}

func (c caller) answer(result lockfsm.Result) {
	w := c.player.world
	if w.percent(5) {
		w.reply(c, Refusal{Correlation: c.correlation, Reason: FateUnknown, Leader: w.hint()})
		return
	}
	w.reply(c, Answer{Correlation: c.correlation, Result: result})
}

func (w *world) delay() time.Duration {
	longest := 100 * ms
	if w.percent(5) {
		longest = 5 * second
	}
	return longest
}

// carry brings a message to its end, or loses it. The answer to a call that waits is lost only together with the connection,
// since nobody would ever miss it otherwise; other messages at times without.
func (w *world) carry(c caller, arrive func()) {
	for range 1 + w.random.IntN(2) {
		if w.percent(w.loss) {
			w.count("lost")
			if c.waits || w.percent(50) {
				w.disconnect(c.player, c.endpoint)
			}
			return
		}
		w.soon(w.delay(), arrive)
		if !w.rough {
			return
		}
	}
}

func (w *world) disconnect(p *player, endpoint Endpoint) {
	w.house.forget(func(c caller) bool { return c.player == p && c.endpoint == endpoint }, func(caller) {})
	w.soon(300*ms, func() { p.step(Disconnected{endpoint}) })
}

func (w *world) reply(c caller, input Input) {
	w.carry(c, func() {
		if c.session == c.player.session {
			c.player.step(input)
		}
	})
}

func (w *world) send(p *player, send Send) {
	acquire, _ := send.Command.(lockfsm.Acquire)
	c := caller{
		player: p, session: p.session, endpoint: send.Endpoint, correlation: send.Correlation,
		waits: acquire.Wait != lockfsm.NoWait,
	}
	w.carry(c, func() {
		switch {
		case w.leader != c.endpoint:
			w.reply(c, Refusal{Correlation: c.correlation, Reason: NotLeader, Leader: w.hint()})
		case w.percent(5):
			w.reply(c, Refusal{Correlation: c.correlation, Reason: Overloaded, Leader: c.endpoint})
		default:
			w.house.serve(send.Command, c)
		}
	})
}

// player is an application with its session, on a machine whose clock is off and that is stopped now and then.
type player struct {
	world    *world
	number   int
	drift    int64
	config   Config
	session  *Session
	sessions int // begun
	ended    int // of them
	output   Output
	stopped  bool
	missed   []Input // what came while it was stopped
	alarm    int     // tells the latest alarm from older ones
	handles  Handle
	tokens   map[Handle]lockfsm.Token
	outcomes map[Handle][]Event
}

func (p *player) clock(true time.Duration) time.Duration {
	return true * time.Duration(Million+p.drift) / Million
}

func (p *player) step(input Input) {
	if p.stopped {
		p.missed = append(p.missed, input)
		return
	}
	p.session.Step(p.clock(p.world.now), input)
	p.drain()
	if p.world.rough && p.ended == p.sessions {
		p.enter()
	}
}

// enter begins a new session.
func (p *player) enter() {
	p.sessions++
	p.config.Nonce = uint64(p.number*1000 + p.sessions)
	p.session = New(p.config, p.clock(p.world.now))
	p.drain()
}

func (p *player) drain() {
	p.session.Drain(&p.output)
	for _, send := range p.output.Sends {
		p.world.send(p, send)
	}
	for _, event := range p.output.Events {
		p.hear(event)
	}
	if p.session.Deadline() == Never {
		return
	}
	p.alarm++
	alarm := p.alarm
	at := p.session.Deadline()*Million/time.Duration(Million+p.drift) + 1
	p.world.at(at, func() {
		if alarm == p.alarm {
			p.step(Timeout{})
		}
	})
}

func (p *player) hear(event Event) {
	var handle Handle
	switch event := event.(type) {
	case Changed:
		p.world.count("state " + event.State.String())
		return
	case NotOpened:
		p.world.t.Fatalf("player %d was not opened: %v", p.number, event.Err)
	case Ended:
		p.ended++
		return
	case Granted:
		p.world.count("granted")
		p.tokens[event.Handle] = event.Result.Token
		p.world.soon(3*second, func() { p.giveBack(event.Handle, Release{event.Handle}) })
		return
	case Refused:
		handle = event.Handle
	case Released:
		handle = event.Handle
	case Canceled:
		handle = event.Handle
	case Rejected:
		handle = event.Handle
		require.False(p.world.t, p.world.house.acquired[p.value(handle)], "an Acquire was rejected and carried out")
	case Lost:
		handle = event.Handle
	case Unknown:
		handle = event.Handle
		require.False(p.world.t, p.session.alive(), "the outcome is unknown though the session is alive")
	}
	p.world.count(fmt.Sprintf("%T", event))
	p.outcomes[handle] = append(p.outcomes[handle], event)
	require.Len(p.world.t, p.outcomes[handle], 1, "a handle has one outcome")
}

func (p *player) value(handle Handle) string { return fmt.Sprint(p.number, "/", handle) }

// giveBack is a Release or Cancel of a handle that is not done with yet, as far as the player knows.
func (p *player) giveBack(handle Handle, input Input) {
	switch {
	case p.stopped:
		p.world.soon(second, func() { p.giveBack(handle, input) })
	case p.outcomes[handle] == nil:
		p.step(input)
	}
}

// play asks for a lock and may change its mind.
func (p *player) play() {
	w := p.world
	if !w.rough {
		return
	}
	if !p.stopped {
		p.handles++
		handle := p.handles
		wait := []time.Duration{lockfsm.NoWait, lockfsm.Forever, second}[w.random.IntN(3)]
		p.step(Acquire{Handle: handle, Name: names[w.random.IntN(2)], Value: []byte(p.value(handle)), Wait: wait})
		if w.percent(30) {
			w.soon(second, func() { p.giveBack(handle, Cancel{handle}) })
		}
	}
	w.soon(2*second, p.play)
}

// stop stops the player for a while, often for longer than its lease.
func (p *player) stop() {
	w := p.world
	if !w.rough {
		return
	}
	p.stopped = true
	w.soon([]time.Duration{second, 8 * second}[w.random.IntN(2)], func() {
		p.stopped = false
		missed := p.missed
		p.missed = nil
		p.step(Timeout{})
		for _, input := range missed {
			p.step(input)
		}
	})
	w.soon(40*second, p.stop)
}

func newWorld(t *rapid.T, counts map[string]int) *world {
	w := &world{t: t, rough: true, counts: counts}
	w.random = rand.New(dice(rapid.Uint64().Draw(t, "seed")))
	w.ports = rapid.IntRange(1, 4).Draw(t, "endpoints")
	w.loss = rapid.IntRange(0, 15).Draw(t, "loss")
	drift := rapid.Int64Range(1, Million/4).Draw(t, "drift")
	off := func(name string) int64 {
		return rapid.SampledFrom([]int64{-drift, 0, drift}).Draw(t, name)
	}
	w.house = &house{
		world: w, drift: off("house"),
		sessions: map[lockfsm.SessionID]*guest{}, locks: map[string]*room{}, acquired: map[string]bool{},
	}
	for number := range rapid.IntRange(1, 4).Draw(t, "players") {
		p := &player{
			world: w, number: number, drift: off("player"),
			tokens: map[Handle]lockfsm.Token{}, outcomes: map[Handle][]Event{},
		}
		p.config = Config{
			Endpoints: w.ports, TTL: 5 * second, Drift: drift,
			Resend: 200 * ms, Pause: 10 * ms, LongestPause: 300 * ms, Random: dice(w.random.Uint64()),
		}
		w.players = append(w.players, p)
	}
	return w
}

// heal ends all faults and all games. Stopped players go on, late messages arrive, and whoever waits is granted
// its lock in turn and gives it back.
func (w *world) heal() {
	w.rough = false
	w.run(w.now + 200*second)
}

// The servers end a lease at the earliest moment they may, clocks are off by all that is allowed, messages are lost, repeated and
// overtaken, leaders change, players are stopped. Nobody ever believes in a lock that it does not hold; no request is carried
// out twice; each has one outcome; and what a session gave back, the servers have back.
func TestSessionsInARoughWorld(t *testing.T) {
	counts := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, counts)
		for _, p := range w.players {
			p.enter()
			w.soon(2*second, p.play)
			w.soon(20*second, p.stop)
		}
		w.soon(4*second, w.changeLeader)
		w.run(60 * second)
		w.heal()
		for _, p := range w.players {
			require.Len(t, p.outcomes, int(p.handles), "a request that never ends")
		}
		for _, name := range names {
			require.Nil(t, w.house.room(name).holder, "a lock is held by a session that does not know of it")
		}
		for _, p := range w.players {
			p.step(Close{})
		}
		w.run(w.now + 20*second)
		for _, p := range w.players {
			require.Equal(t, p.sessions, p.ended)
		}
		require.Empty(t, w.house.sessions, "a session that was closed is open")
	})
	t.Log(counts)
	for _, what := range []string{
		"beliefs", "granted", "lost", "repeated", "state held", "state jeopardy", "state lost", "session.Lost",
		"session.Refused", "session.Released", "session.Canceled", "session.Unknown", "session.Rejected",
	} {
		require.NotZero(t, counts[what], "the world was never rough enough for: %s", what)
	}
}
