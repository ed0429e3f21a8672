package client

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lockd/client/session"
	"lockd/lockfsm"
)

// Mutex is a lock that all clients of the cluster share, by its name. Like a sync.Mutex it is not reentrant. Its
// methods may be called from many goroutines.
type Mutex struct {
	session *Session
	name    string
	value   []byte
	grant   atomic.Pointer[grant] // nil: not locked
}

// MutexOption changes a Mutex.
type MutexOption func(*Mutex)

// WithValue is shown with the lock while it is held, for people to read: at most 4,096 bytes of text.
func WithValue(value string) MutexOption {
	return func(m *Mutex) { m.value = []byte(value) }
}

// Mutex is the lock of this name: 1 to 255 bytes of text without control characters.
func (s *Session) Mutex(name string, options ...MutexOption) *Mutex {
	m := &Mutex{session: s, name: name}
	for _, option := range options {
		option(m)
	}
	return m
}

// Name is the lock's name.
func (m *Mutex) Name() string { return m.name }

// Lock waits until the lock is granted, for as long as ctx lasts. When ctx ends, its error is returned at once, and the request is taken
// back in the background. Other errors are a *RefusedError, ErrLost, ErrUnknownOutcome and ErrClosed.
func (m *Mutex) Lock(ctx context.Context) error { return m.acquire(ctx, lockfsm.Forever) }

// TryLock is Lock without waiting for another holder: then the error is ErrBusy.
func (m *Mutex) TryLock(ctx context.Context) error { return m.acquire(ctx, lockfsm.NoWait) }

// LockWithin is Lock that waits at most so long in the queue, by the servers' clock: then the error is ErrTimedOut. Unlike a context's
// end, that is certain: the request has left the queue.
func (m *Mutex) LockWithin(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return m.TryLock(ctx)
	}
	return m.acquire(ctx, wait)
}

func (m *Mutex) acquire(ctx context.Context, wait time.Duration) error {
	const operation = "lock"
	if err := ctx.Err(); err != nil {
		return about(operation, m.name, context.Cause(ctx))
	}
	if err := m.refuse(wait); err != nil {
		return err
	}
	a := m.session.attempt(m.name, m.value, wait)
	event, err := a.next(ctx)
	if err != nil {
		a.cancel()
		return about(operation, m.name, err)
	}
	if _, granted := event.(session.Granted); !granted {
		return m.outcome(operation, event)
	}
	m.grant.Store(a.grant)
	return nil
}

// refuse finds what can never succeed without asking the servers.
func (m *Mutex) refuse(wait time.Duration) error {
	status := lockfsm.Validate(lockfsm.Acquire{Name: m.name, Value: m.value, Wait: wait})
	if status != lockfsm.OK {
		return &RefusedError{Operation: "lock", Subject: m.name, Status: status}
	}
	return nil
}

// outcome is what an event other than the one hoped for means to the caller.
func (m *Mutex) outcome(operation string, event session.Event) error {
	switch e := event.(type) {
	case session.Refused:
		return &RefusedError{Operation: operation, Subject: m.name, Status: e.Result.Status}
	case session.Rejected:
		return fromSession(operation, m.name, e.Err)
	case session.Lost:
		return about(operation, m.name, m.session.Err())
	case session.Unknown:
		if err := m.session.Err(); err != nil {
			return about(operation, m.name, fmt.Errorf("%w: %w", err, ErrUnknownOutcome))
		}
		return about(operation, m.name, ErrUnknownOutcome)
	}
	panic(fmt.Sprintf("client: %T is no answer to %s", event, operation))
}

// Unlock gives the lock back. From this call on it is not held, whatever the servers say. It returns when they have
// answered, or with ctx's error when ctx ends; then it goes on in the background. ErrNotHeld says that there was nothing to give
// back, ErrLost that the lock was lost before, ErrClosed that the session's end gave it back, a *RefusedError that somebody else has
// released it by its token.
func (m *Mutex) Unlock(ctx context.Context) error {
	const operation = "unlock"
	g := m.grant.Swap(nil)
	if g == nil {
		return about(operation, m.name, ErrNotHeld)
	}
	if err := m.session.Err(); err != nil {
		return about(operation, m.name, err)
	}
	g.end(context.Canceled)
	g.attempt.release()
	event, err := g.attempt.next(ctx)
	if err != nil {
		return about(operation, m.name, err)
	}
	if _, released := event.(session.Released); released {
		return nil
	}
	return m.outcome(operation, event)
}

// Token is the fencing token of the latest grant, until Unlock; zero when there is none. It may be shown to the resource even
// when the lock is lost: to find that out is what it is for.
func (m *Mutex) Token() uint64 {
	if g := m.grant.Load(); g != nil {
		return g.token
	}
	return 0
}

// Place is the position of the latest grant's request in the servers' log, until Unlock; zero when there is none. Requests for one
// lock are granted in the order of their places.
func (m *Mutex) Place() uint64 {
	if g := m.grant.Load(); g != nil {
		return g.place
	}
	return 0
}

// Held says whether the lock is held at this moment, by the clock. It is false before anybody else can be granted the lock. It waits
// for nobody, and asks nobody.
func (m *Mutex) Held() bool {
	g := m.grant.Load()
	return g != nil && g.held()
}

// Context lasts for as long as the lock is held. Its cause is ErrLost when the session came to its end, ErrClosed when
// the caller closed it, and context.Canceled after Unlock. When the lock is not held it is done, with the cause ErrNotHeld.
func (m *Mutex) Context() context.Context {
	if g := m.grant.Load(); g != nil {
		return g.ctx
	}
	ctx, end := context.WithCancelCause(context.Background())
	end(ErrNotHeld)
	return ctx
}

// Locker is the Mutex for code that knows nothing of contexts and errors. It waits for ever, and panics on any error: a lock that
// was lost is found out by its Unlock, which is too late for whoever wants to be sure.
func (m *Mutex) Locker() sync.Locker { return locker{m} }

type locker struct{ mutex *Mutex }

func (l locker) Lock() { must(l.mutex.Lock(context.Background())) }

func (l locker) Unlock() { must(l.mutex.Unlock(context.Background())) }

func must(err error) {
	if err != nil {
		panic("client: " + err.Error())
	}
}
