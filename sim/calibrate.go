package sim

import (
	"fmt"
	"time"

	"lockd/linearizability"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/sim/draw"
)

// A judge that sees nothing passes everything. So before any world is run, those who judge locks, sessions, holders and histories are shown cases in
// which everything is right, and the same with one thing wrong, and must tell them apart. Those who judge consensus and disks have tests.

// exhibit is one such case: what is done, and which judge must fire.
type exhibit struct {
	what   string
	oracle Oracle // empty: none may
	do     func()
}

// Calibrate tries the judges, and returns what one of them got wrong.
func Calibrate() error {
	for _, e := range bookExhibits() {
		if fired := fires(e.do); fired != e.oracle {
			return fmt.Errorf("calibration: %s: %q should fire, and %q does", e.what, e.oracle, fired)
		}
	}
	return linearizability.Calibrate()
}

// fires is the oracle that fires in what is done; empty: none does.
func fires(do func()) (fired Oracle) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case violation:
			fired = v.oracle
		default:
			fired = Oracle(fmt.Sprint("panic: ", v))
		}
	}()
	do()
	return ""
}

// desk is a book with three sessions, the first of which holds lock a, for which the two others wait.
func desk() *book {
	b := newWorld(Config{Seed: 1, Profile: Calm, Members: 3, Clients: 3, Duration: second}).judge.book
	for i, command := range []lockfsm.Command{
		lockfsm.Open{Nonce: 1, TTL: 5 * second}, lockfsm.Open{Nonce: 2, TTL: 5 * second}, lockfsm.Open{Nonce: 3, TTL: 5 * second},
		acquire(2, 1), acquire(3, 1), acquire(4, 1),
	} {
		b.enter(entry(i+2, 0, command), birth{})
	}
	return b
}

func acquire(session lockfsm.SessionID, sequence lockfsm.Sequence) lockfsm.Acquire {
	return lockfsm.Acquire{Request: lockfsm.Request{Session: session, Sequence: sequence}, Name: "a", Wait: lockfsm.Forever}
}

func entry(index int, at time.Duration, command lockfsm.Command) *raft.Entry {
	return &raft.Entry{Index: raft.Index(index), Term: 2, Kind: raft.KindCommand, Time: at, Data: lockfsm.Oldest.Encode(nil, command)}
}

func settled(place lockfsm.Place, session lockfsm.SessionID, token lockfsm.Token) lockfsm.Settled {
	return lockfsm.Settled{Place: place, Result: lockfsm.Result{Status: lockfsm.OK, Session: session, Token: token}}
}

// audit has the book compare what a doctored machine did with what it says itself of a release that was answered.
func audit(doctor func(b *book)) func() {
	return func() {
		b := desk()
		before := append([]*hold(nil), b.holds...)
		b.settled, b.ended = b.settled[:0], b.ended[:0]
		b.applied = lockfsm.Applied{Result: lockfsm.Result{Status: lockfsm.OK, Last: 1}}
		doctor(b)
		b.compare(before, answer{status: lockfsm.OK}, lockfsm.Release{Name: "a", Token: 1})
	}
}

// expires has a session expire that was renewed at true time zero, for five seconds, on clocks that may be a quarter fast.
func expires(at time.Duration) func() {
	return func() {
		b := desk()
		b.world.knobs.drift, b.world.now = 250_000, at
		b.enter(entry(8, 5*second, lockfsm.Expire{Sessions: []lockfsm.Expiry{{Session: 2, Deadline: 5 * second}}}), birth{at: at})
	}
}

func bookExhibits() []exhibit {
	return []exhibit{
		{"nothing is wrong", "", audit(func(*book) {})},
		{"the next is granted before the holder has let go", Exclusion, audit(func(b *book) {
			b.applied.Settled = append(b.applied.Settled, settled(6, 3, 2))
		})},
		{"the third is granted before the second", FirstCome, audit(func(b *book) {
			b.handOver(b.holds[0])
			b.applied.Settled = append(b.applied.Settled, settled(7, 4, 2))
		})},
		{"one that has ended is granted", DeadSession, audit(func(b *book) {
			b.end(3)
			b.applied.Settled = append(b.applied.Settled, settled(6, 3, 2))
		})},
		{"the right waiters, in another order", ExactlyOnce, audit(func(b *book) {
			b.handOver(b.holds[0])
			b.end(4)
			b.applied.Settled = append(b.applied.Settled, b.settled[1], b.settled[0])
			b.applied.Result.Last, b.applied.Ended = b.last, b.ended
		})},
		{"a token is skipped", Tokens, audit(func(b *book) { b.applied.Result.Last = 7 })},
		{"another answer", ExactlyOnce, audit(func(b *book) { b.applied.Result.Status = lockfsm.StaleToken })},
		{"another session has ended", ExactlyOnce, audit(func(b *book) { b.applied.Ended = append(b.applied.Ended, 3) })},
		{"a command is written in the version in force", "", inscribes(lockfsm.Newest, lockfsm.Upgrade{To: lockfsm.Newest}, lockfsm.Clock{})},
		{"a command is written in a later version", InForce, inscribes(lockfsm.Newest, lockfsm.Clock{})},
		{"a command is written in a version that an upgrade did not lead to", InForce, inscribes(lockfsm.Newest, lockfsm.Upgrade{To: lockfsm.Oldest}, lockfsm.Clock{})},
		{"a session expires when its time is over on the fastest clock", "", expires(4 * second)},
		{"a session expires before", EarlyExpiry, expires(4*second - millisecond)},
		{"a write replaces the value that was read", "", demands(4, 7)},
		{"a write replaces another value", Fencing, demands(4, 8)},
		{"a write shows a lower token than was seen", Fencing, demands(5, 7)},
		{"a client stands still while its session expires, and would find its lock held", Belief, outlived},
	}
}

// inscribes has commands committed, the last of them written in a version.
func inscribes(version lockfsm.Version, commands ...lockfsm.Command) func() {
	return func() {
		b := desk()
		for i, command := range commands {
			e := entry(8+i, 0, command)
			if i == len(commands)-1 {
				e.Data = version.Encode(nil, command)
			}
			b.enter(e, birth{})
		}
	}
}

// demands has the resource take a write under token 4, of who read 7.
func demands(mark lockfsm.Token, value uint64) func() {
	return func() {
		newWorld(Config{Seed: 1, Profile: Calm, Members: 3, Clients: 1, Duration: second}).judge.written(
			&register{mark: mark, value: value}, demand{token: 4, base: 7})
	}
}

// outlived ends the session of a client that holds a lock and stands still.
func outlived() {
	w := newWorld(Config{Seed: 1, Profile: Calm, Judge: Belief, Members: 3, Clients: 3, Duration: second})
	w.begin()
	var holder *client
	d := draw.New(1, "calibration")
	w.runUntil(30*second, func() bool { holder = w.holder(d); return holder != nil })
	holder.paused = true
	w.judge.ended(holder.session.ID())
}
