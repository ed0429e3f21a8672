package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	"lockd/client/session"
	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// tryPatience bounds one attempt of most unary calls: a server whose packets vanish must not use up the time of its caller.
const tryPatience = 5 * time.Second

// try makes one attempt at an endpoint. The answer is nil when nobody knows what became of it. sent is false when it is certain that
// nothing went out.
type try func(ctx context.Context, l *link) (answer server.Answer, leader wire.Address, sent bool, err error)

// errand is a call that is repeated until somebody answers who can.
type errand struct {
	client    *Client
	operation string
	subject   string
	try       try
	patience  time.Duration // with one attempt
	misses    int           // attempts that led nowhere, since the last hint
	hints     int           // followed
	doubt     bool          // an attempt may have been carried out, or may yet be
}

// ask makes a unary call wherever it is answered.
func (c *Client) ask(ctx context.Context, operation, subject string, request proto.Message) (server.Answer, error) {
	e := &errand{client: c, operation: operation, subject: subject, try: invoking(request), patience: tryPatience}
	return e.run(ctx)
}

// run follows leaders and repeats what was not carried out, or may be repeated, until ctx ends. A refusal that time does not
// heal is a *RefusedError.
func (e *errand) run(ctx context.Context) (server.Answer, error) {
	for {
		at := e.client.links[e.client.guess.Load()]
		answer, done, err := e.once(ctx, at)
		if done || err != nil {
			return answer, err
		}
		if err := e.rest(ctx); err != nil {
			return nil, err
		}
	}
}

// once makes one attempt. It is done when the lock machine or a query has answered.
func (e *errand) once(ctx context.Context, at *link) (answer server.Answer, done bool, err error) {
	attempt, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	answer, leader, sent, err := e.try(attempt, at)
	if answer == nil {
		if ctx.Err() == nil { // else the trouble is the caller's own impatience
			e.client.note(at.address, err)
		}
		e.doubt = e.doubt || sent
		e.miss(at)
		return nil, false, nil
	}
	switch a := answer.(type) {
	case server.Refusal:
		return nil, false, e.refused(at, a, leader)
	case lockfsm.Result:
		if a.Status != lockfsm.OK {
			return nil, false, e.refusal(a.Status, 0, "")
		}
	}
	return answer, true, nil
}

// refused decides where to go on after a refusal; an error is the end.
func (e *errand) refused(at *link, refusal server.Refusal, leader wire.Address) error {
	why := e.refusal(0, refusal.Reason, refusal.Detail)
	e.client.note(at.address, why)
	switch refusal.Reason {
	case server.NotLeader, server.Stopping:
		e.follow(at, e.client.locate(leader))
	case server.Unknown:
		e.doubt = true
		e.follow(at, e.client.locate(leader))
	case server.Overloaded:
		e.misses++
	default:
		return why
	}
	return nil
}

func (e *errand) refusal(status lockfsm.Status, reason server.Reason, detail string) *RefusedError {
	return &RefusedError{Operation: e.operation, Subject: e.subject, Status: status, Reason: reason, Detail: detail}
}

// follow goes to the leader that is named, at once, but not for ever: two servers may each take the other for the leader.
func (e *errand) follow(at *link, leader session.Endpoint) {
	if leader == session.Nowhere || leader == at.endpoint || e.hints >= len(e.client.links) {
		e.hints = 0
		e.miss(at)
		return
	}
	e.hints++
	e.misses = 0
	e.client.guess.Store(int64(leader))
}

// miss goes on to the next endpoint.
func (e *errand) miss(at *link) {
	e.misses++
	e.client.guess.CompareAndSwap(int64(at.endpoint), (int64(at.endpoint)+1)%int64(len(e.client.links)))
}

// rest waits before the next attempt, the longer the more of them have led nowhere. An error says that there is no time for another.
func (e *errand) rest(ctx context.Context) error {
	var pause time.Duration
	if e.misses > 0 {
		rounds := min((e.misses-1)/len(e.client.links), 8)
		whole := min(session.DefaultPause<<rounds, session.DefaultLongestPause)
		pause = whole/2 + rand.N(whole/2)
	}
	select {
	case <-ctx.Done():
		return e.client.outOfTime(ctx, title(e.operation, e.subject))
	case <-e.client.closing:
		return about(e.operation, e.subject, ErrClosed)
	case <-time.After(pause):
		return nil
	}
}

// invoking is a try that makes the unary call of a request.
func invoking(request proto.Message) try {
	return func(ctx context.Context, l *link) (server.Answer, wire.Address, bool, error) {
		var reached peer.Peer
		response, err := invoke(ctx, lockdv1.NewLockdClient(l.connection), request, grpc.Peer(&reached))
		answer, leader := wire.AnswerIn(response, err)
		if answer == nil && err == nil {
			err = fmt.Errorf("the server's answer is not known to this version")
		}
		return answer, leader, reached.Addr != nil, err
	}
}

func invoke(ctx context.Context, rpc lockdv1.LockdClient, request proto.Message, option grpc.CallOption) (proto.Message, error) {
	switch r := request.(type) {
	case *lockdv1.RenewSessionRequest:
		return rpc.RenewSession(ctx, r, option)
	case *lockdv1.CloseSessionRequest:
		return rpc.CloseSession(ctx, r, option)
	case *lockdv1.ReleaseRequest:
		return rpc.Release(ctx, r, option)
	case *lockdv1.CheckRequest:
		return rpc.Check(ctx, r, option)
	case *lockdv1.ShowRequest:
		return rpc.Show(ctx, r, option)
	case *lockdv1.ListRequest:
		return rpc.List(ctx, r, option)
	case *lockdv1.ListSessionsRequest:
		return rpc.ListSessions(ctx, r, option)
	case *lockdv1.StatusRequest:
		return rpc.Status(ctx, r, option)
	case *lockdv1.TransferLeaderRequest:
		return rpc.TransferLeader(ctx, r, option)
	case *lockdv1.ChangeMembersRequest:
		return rpc.ChangeMembers(ctx, r, option)
	}
	panic(fmt.Sprintf("client: no unary call for a %T", request))
}
