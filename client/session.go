package client

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"lockd/client/session"
	"lockd/lockfsm"
)

// State is how a session stands.
type State = session.State

// The states of a session that was opened.
const (
	StateHeld     = session.Safe     // its locks are held
	StateJeopardy = session.Jeopardy // they are held, but a renewal is overdue and no more than a third of the lease is left
	StateLost     = session.Gone     // nothing is held, for ever
	StateClosed   = session.Closed   // the caller closed it: nothing is held
)

// Session is a session with the servers, which a timer keeps alive. Its methods may be called from many goroutines.
type Session struct {
	client  *Client
	handles atomic.Uint64 // given out so far

	standing atomic.Pointer[standing]
	changes  chan State    // the newest state that was not read
	opened   chan struct{} // closed when locks can be held
	done     chan struct{} // closed when nothing is held any more, for ever
	err      error         // why; set before done is closed
	ended    chan struct{} // closed when it is not stepped any more

	mutex    sync.Mutex // of whoever steps it; guards what follows
	logic    *session.Session
	output   session.Output
	attempts map[session.Handle]*attempt
	over     bool // ended is closed
	timer    *time.Timer
	rings    time.Duration // when the timer does, by the clock; session.Never: it is not set
}

// standing is how a session stood after its latest step, for everybody to compare with the clock.
type standing struct {
	state State
	until time.Duration // when the lease ends; zero: nothing is held
	id    uint64
}

// opening is what errors of NewSession are about.
const opening = "open a session"

// NewSession opens a session. Its locks are handed on when the servers have not heard of it for as long as the TTL, of a second to a
// day; ten seconds are a good choice. An error is a *RefusedError, that of ctx, or ErrClosed.
//
// Close it when it is not needed any more.
func (c *Client) NewSession(ctx context.Context, ttl time.Duration) (*Session, error) {
	if err := refuseTTL(ttl); err != nil {
		return nil, err
	}
	s := newSession(c, ttl)
	if !c.admit(s) {
		return nil, about(opening, "", ErrClosed)
	}
	s.step(session.Timeout{})
	select {
	case <-s.opened:
		return s, nil
	case <-s.done:
		return nil, s.err
	case <-ctx.Done():
		s.step(session.Close{})
		return nil, c.outOfTime(ctx, opening)
	}
}

// refuseTTL finds what can never succeed without asking the servers.
func refuseTTL(ttl time.Duration) error {
	if status := lockfsm.Validate(lockfsm.Open{TTL: ttl}); status != lockfsm.OK {
		return &RefusedError{Operation: opening, Status: status}
	}
	return nil
}

func newSession(c *Client, ttl time.Duration) *Session {
	s := &Session{
		client:   c,
		changes:  make(chan State, 1),
		opened:   make(chan struct{}),
		done:     make(chan struct{}),
		ended:    make(chan struct{}),
		attempts: make(map[session.Handle]*attempt),
		rings:    session.Never,
	}
	s.timer = time.AfterFunc(time.Hour, s.ring)
	s.timer.Stop() // until the first step

	s.logic = session.New(session.Config{
		Endpoints:    len(c.links),
		TTL:          ttl,
		Owner:        c.settings.owner,
		Nonce:        max(1, rand.Uint64()),
		Drift:        c.settings.drift,
		Resend:       session.DefaultResend,
		Pause:        session.DefaultPause,
		LongestPause: session.DefaultLongestPause,
		Random:       rand.NewPCG(rand.Uint64(), rand.Uint64()),
	}, c.settings.clock())
	s.publish()
	return s
}

// ID is the session's number with the servers.
func (s *Session) ID() uint64 { return s.standing.Load().id }

// State is how the session stands at this moment, by the clock.
func (s *Session) State() State {
	standing := s.standing.Load()
	if standing.alive() && s.client.settings.clock() >= standing.until {
		return StateLost
	}
	return standing.state
}

func (t *standing) alive() bool { return t.state == StateHeld || t.state == StateJeopardy }

// held says whether what was granted in this session is held, by the clock. It waits for nobody.
func (s *Session) held() bool {
	standing := s.standing.Load()
	return standing.alive() && s.client.settings.clock() < standing.until
}

// Left is how much of the lease is left at this moment, by the clock, if no renewal is acknowledged before: what holds a lock has so
// long to come to an end. It is zero when nothing is held.
func (s *Session) Left() time.Duration {
	standing := s.standing.Load()
	if !standing.alive() {
		return 0
	}
	return max(0, standing.until-s.client.settings.clock())
}

// Changes tells of each change of the state. A reader who is late finds the newest one. It is closed after StateLost
// or StateClosed. There is one such channel, for one reader.
func (s *Session) Changes() <-chan State { return s.changes }

// Done is closed when the session is lost or closed: nothing is held in it any more.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err says why the session is done: ErrLost or ErrClosed; nil while it is not.
func (s *Session) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Close ends the session: its locks go to the next waiters. It returns when the servers have confirmed that, or the
// lease is over, or ctx ends; then closing goes on in the background. Closing twice is no harm. The error is ErrLost
// if the session had been lost before, or that of ctx.
func (s *Session) Close(ctx context.Context) error {
	s.step(session.Close{})
	select {
	case <-s.ended:
		if s.err != ErrClosed {
			return s.err
		}
		return nil
	case <-ctx.Done():
		return s.client.outOfTime(ctx, "close a session")
	}
}

// Orphan stops keeping the session alive without closing it, so that the servers keep it and its locks for one more
// TTL, counted from this call: what it holds becomes a plain lock with a time limit, known by its token. For this process the
// session is closed, and what it is still asked for forgotten. An error means that nothing has changed.
func (s *Session) Orphan(ctx context.Context) error {
	if err := s.Err(); err != nil {
		return err
	}
	if err := s.client.Renew(ctx, s.ID()); err != nil {
		return err
	}
	s.abandon()
	return nil
}
