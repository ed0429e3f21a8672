package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"lockd/client"
	"lockd/linearizability"
)

// What the clients of a trial do. About half of the grants are of locks that many want.
const (
	loadTTL      = 5 * time.Second
	sharedPrefix = "shared/"
	sharedLocks  = 12
	think        = 200 * time.Millisecond // in the mean, between two locks
	hold         = 40 * time.Millisecond  // in the mean, between reading the resource and writing it
	longHold     = 2 * time.Second        // in the mean, now and then: who stops in its midst comes back too late
	patience     = 20 * time.Second       // with anything
	watch        = 50 * time.Millisecond  // how often a session is looked at
	// era is how long a lock's name is in use. So no lock's history grows too long for the slowest of the judges.
	era = time.Minute
)

// worker is a client: it grabs a lock, reads the resource, changes what it read, writes it back, and gives the lock back, again
// and again.
type worker struct {
	duty    *duty
	number  int
	random  *rand.Rand
	session *client.Session
	before  grant // the one before
	written uint64
}

// grant is a lock, as it was granted.
type grant struct {
	lock  string
	token uint64
}

func (d *duty) worker(number int) *worker {
	return &worker{duty: d, number: number, random: rand.New(rand.NewPCG(d.orders.Seed, uint64(number)))}
}

// live works until everything has healed, and shows then that it is served.
func (w *worker) live(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-w.duty.healed:
			if w.open(ctx) && w.proves(ctx) {
				w.duty.tell(word{Served: w.number})
				w.close(ctx)
				return
			}
		default:
			if w.open(ctx) {
				w.turn(ctx)
			}
		}
		pause(ctx, w.about(think))
	}
}

// about is a time that is so long in the mean.
func (w *worker) about(mean time.Duration) time.Duration {
	return time.Duration(w.random.ExpFloat64() * float64(mean))
}

func (w *worker) chance(percent int) bool { return w.random.IntN(100) < percent }

// open makes sure of a session. It is false when there is none.
func (w *worker) open(ctx context.Context) bool {
	if w.session != nil && w.session.Err() == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := w.begin(linearizability.Open, grant{})
	a.TTL, a.Session = loadTTL, 0
	session, err := w.duty.client.NewSession(ctx, loadTTL)
	if err == nil {
		a.Outcome, a.Session = linearizability.Done, session.ID()
	}
	w.duty.end(a)
	if w.session = session; err != nil {
		return false
	}
	go w.watch(session)
	return true
}

// watch tells of each renewal of a session, and whether the session was ended early. The library says how much of the lease is
// left: when that has grown, a renewal was answered, and the lease is counted from before it was sent.
func (w *worker) watch(session *client.Session) {
	ticker := time.NewTicker(watch)
	defer ticker.Stop()
	var until time.Duration // when the lease ends, as far as is known
	for {
		now := monotonic() // before the look: what is known is rather too little than too much
		left := session.Left()
		if end := now + left; left > 0 && end > until+watch {
			if until != 0 {
				w.duty.tell(word{Act: w.renewal(session, end)})
			}
			until = end
		}
		select {
		case <-session.Done():
			if now := monotonic(); session.Err() == client.ErrLost && now < until {
				w.duty.tell(word{Early: fmt.Sprintf("session %d of client %d was ended %v before its lease was over", session.ID(), w.number, until-now)})
			}
			return
		case <-ticker.C:
		}
	}
}

// renewal is the one that made a lease last until then. The library believes in a little less than the TTL, so it was called
// that little later than this says: no judge is misled by it.
func (w *worker) renewal(session *client.Session, until time.Duration) *act {
	return &act{
		Kind: linearizability.Renew, Outcome: linearizability.Done, Client: int32(w.number), Session: session.ID(),
		Called: until - loadTTL, Returned: monotonic(),
	}
}

// turn is one lock, from its asking to its release.
func (w *worker) turn(ctx context.Context) {
	if w.chance(1) {
		w.close(ctx)
		return
	}
	mutex := w.session.Mutex(w.choose())
	if !w.acquire(ctx, mutex) {
		return
	}
	w.use(ctx, mutex)
	w.release(ctx, mutex)
}

// choose takes a lock that everybody wants, or the client's own.
func (w *worker) choose() string {
	now := monotonic() / era
	if w.chance(50) {
		return fmt.Sprintf("%s%d@%d", sharedPrefix, w.random.IntN(sharedLocks), now)
	}
	return fmt.Sprintf("own/%d@%d", w.number, now)
}

// acquire waits in one of the ways in which one can.
func (w *worker) acquire(ctx context.Context, mutex *client.Mutex) bool {
	limit := patience
	way := w.random.IntN(100)
	if way < 5 {
		limit = w.about(100 * time.Millisecond) // and then changes its mind
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a := w.begin(linearizability.Acquire, grant{lock: mutex.Name()})
	var err error
	switch {
	case way < 60:
		err = mutex.Lock(ctx)
	case way < 90:
		err = mutex.LockWithin(ctx, w.about(time.Second))
	default:
		err = mutex.TryLock(ctx)
	}
	if a.Outcome = outcome(err); err == nil {
		a.Token, a.Place = mutex.Token(), mutex.Place()
	}
	w.duty.end(a)
	return err == nil
}

// outcome is what an error says about what was asked for.
func outcome(err error) linearizability.Outcome {
	var refused *client.RefusedError
	switch {
	case err == nil:
		return linearizability.Done
	case errors.As(err, &refused) && refused.Status != 0:
		return linearizability.Refused
	case errors.As(err, &refused):
		return linearizability.Rejected
	}
	return linearizability.Unknown
}

// use reads the resource, changes what it has read, and writes it back.
func (w *worker) use(ctx context.Context, mutex *client.Mutex) {
	held := grant{mutex.Name(), mutex.Token()}
	base, read := w.read(ctx, held)
	switch {
	case w.chance(10):
		w.linger(w.about(longHold))
	case w.chance(20):
		w.check(ctx, held)
	}
	w.linger(w.about(hold))
	// The careful look first. Both must be stopped by the resource if they come too late, but the careless need it more.
	if careless := w.duty.orders.Careless || w.chance(50); read && (careless || mutex.Held()) {
		w.write(ctx, held, base)
	}
	if w.before.token != 0 && w.chance(5) {
		w.check(ctx, w.before)
	}
	w.before = held
}

// linger lets time pass, but holds nobody up in the healed world.
func (w *worker) linger(moment time.Duration) { rest(w.duty.healed, moment) }

func (w *worker) read(ctx context.Context, held grant) (value uint64, allowed bool) {
	a := w.begin(linearizability.Read, held)
	value, allowed, err := w.duty.visitor.read(ctx, held.lock, held.token)
	a.Outcome, a.Value = answer(allowed, err), value
	w.duty.end(a)
	return value, allowed
}

func (w *worker) write(ctx context.Context, held grant, base uint64) {
	w.written++
	a := act{Base: base, Value: held.token<<20 | w.written&(1<<20-1)} // no two writes are of one value
	a = w.fill(a, linearizability.Write, held)
	a = w.duty.begin(a)
	allowed, err := w.duty.visitor.write(ctx, held.lock, held.token, base, a.Value, fmt.Sprintf("client-%d", w.number))
	a.Outcome = answer(allowed, err)
	w.duty.end(a)
}

func answer(allowed bool, err error) linearizability.Outcome {
	switch {
	case err != nil:
		return linearizability.Unknown
	case allowed:
		return linearizability.Done
	}
	return linearizability.Refused
}

// check asks whether a token is the holder's.
func (w *worker) check(ctx context.Context, g grant) {
	ctx, cancel := context.WithTimeout(ctx, loadTTL)
	defer cancel()
	a := w.begin(linearizability.Check, g)
	if seen, err := w.duty.client.Check(ctx, g.lock, g.token); err == nil {
		a.Outcome, a.Current, a.Tells, a.Revision = answer(seen.Valid, nil), uint64(seen.Current), true, seen.Revision
	}
	w.duty.end(a)
}

func (w *worker) release(ctx context.Context, mutex *client.Mutex) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := w.begin(linearizability.Release, grant{mutex.Name(), mutex.Token()})
	err := mutex.Unlock(ctx)
	if a.Outcome = outcome(err); errors.Is(err, client.ErrLost) && a.Outcome == linearizability.Unknown && !errors.Is(err, client.ErrUnknownOutcome) {
		a.Outcome = linearizability.Rejected // the lock was lost before anything was sent
	}
	w.duty.end(a)
	return err == nil
}

func (w *worker) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a := w.begin(linearizability.Close, grant{})
	over := a.Called + w.session.Left()
	// Closing comes to its end with the lease as well, and does not say that it was not confirmed.
	if err := w.session.Close(ctx); err == nil && monotonic() < over {
		a.Outcome = linearizability.Done
	}
	w.duty.end(a)
	w.session = nil
}

// proves gets a lock that everybody wants, in the healed world.
func (w *worker) proves(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	mutex := w.session.Mutex("probe")
	return w.acquireHealed(ctx, mutex) && w.release(ctx, mutex)
}

func (w *worker) acquireHealed(ctx context.Context, mutex *client.Mutex) bool {
	a := w.begin(linearizability.Acquire, grant{lock: mutex.Name()})
	err := mutex.Lock(ctx)
	if a.Outcome = outcome(err); err == nil {
		a.Token, a.Place = mutex.Token(), mutex.Place()
	}
	w.duty.end(a)
	return err == nil
}

func (w *worker) begin(kind linearizability.Kind, g grant) act {
	return w.duty.begin(w.fill(act{}, kind, g))
}

func (w *worker) fill(a act, kind linearizability.Kind, g grant) act {
	a.Kind, a.Client, a.Lock, a.Token = kind, int32(w.number), g.lock, g.token
	if w.session != nil && kind != linearizability.Open {
		a.Session = w.session.ID()
	}
	return a
}
