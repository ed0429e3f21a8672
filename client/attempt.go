package client

import (
	"context"
	"time"

	"lockd/client/session"
	"lockd/lockfsm"
)

// attempt is one Acquire, and the grant that it brings.
type attempt struct {
	session *Session
	handle  session.Handle
	// events has room for all that an attempt may be told, its grant and its end, so that no step waits for a caller, who may have gone
	// away.
	events chan session.Event
	grant  *grant // made by the step that tells of it
}

// grant is a lock that was granted. Its context ends with it.
type grant struct {
	attempt *attempt
	token   uint64
	place   uint64
	ctx     context.Context
	end     context.CancelCauseFunc
}

func (s *Session) attempt(name string, value []byte, wait time.Duration) *attempt {
	a := &attempt{
		session: s,
		handle:  session.Handle(s.handles.Add(1)),
		events:  make(chan session.Event, 2),
	}
	s.begin(a, session.Acquire{Handle: a.handle, Name: name, Value: value, Wait: wait})
	return a
}

// cancel takes an attempt back, whatever has become of it.
func (a *attempt) cancel() {
	a.session.step(session.Cancel{Handle: a.handle})
}

func (a *attempt) release() {
	a.session.step(session.Release{Handle: a.handle})
}

func (a *attempt) begin(granted lockfsm.Result) {
	ctx, end := context.WithCancelCause(context.Background())
	a.grant = &grant{attempt: a, token: uint64(granted.Token), place: uint64(granted.Place), ctx: ctx, end: end}
}

func (a *attempt) endGrant(why error) {
	if a.grant != nil {
		a.grant.end(why)
	}
}

// next waits for what the attempt is told. The error is that of ctx, or says that the session was abandoned.
func (a *attempt) next(ctx context.Context) (session.Event, error) {
	select {
	case event := <-a.events:
		return event, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-a.session.ended:
	}
	select {
	case event := <-a.events:
		return event, nil
	default:
		return nil, a.session.Err()
	}
}

// held says whether the grant is held, by the clock.
func (g *grant) held() bool { return g.ctx.Err() == nil && g.attempt.session.held() }
