package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// The calls below need no session. Each is repeated at the endpoints in turn until one has answered that can, or ctx ends: give
// it a deadline. Any member answers queries, the leader all else. An error is a *RefusedError, that of ctx which tells the latest trouble there was, or ErrClosed.

// CheckOption says how a Check is answered.
type CheckOption func(*server.Check)

// ByLease lets the answer rest on the leader's lease, as the field Lease of the other queries does: it takes no round of messages between the
// servers, and is true as long as no server's clock drifts by more than a thousandth. Any other query trusts no clock.
func ByLease() CheckOption { return func(check *server.Check) { check.Lease = true } }

// Check asks whether a token is its lock's current one.
func (c *Client) Check(ctx context.Context, name string, token uint64, options ...CheckOption) (server.Checked, error) {
	check := server.Check{Name: name, Token: lockfsm.Token(token)}
	for _, option := range options {
		option(&check)
	}
	return query[server.Checked](ctx, c, "check", name, check)
}

// Show asks for one lock, its holder and its queue, a page at a time.
func (c *Client) Show(ctx context.Context, page server.Show) (server.Shown, error) {
	return query[server.Shown](ctx, c, "show", page.Name, page)
}

// List asks for locks in order of their names, a page at a time.
func (c *Client) List(ctx context.Context, page server.List) (server.Listed, error) {
	return query[server.Listed](ctx, c, "list", page.Prefix, page)
}

// Sessions asks for sessions in order of their numbers, a page at a time.
func (c *Client) Sessions(ctx context.Context, page server.Sessions) (server.SessionsListed, error) {
	return query[server.SessionsListed](ctx, c, "sessions", "", page)
}

// Transfer hands leadership to the member with this number, or, for zero, to the best one. It returns who leads then.
func (c *Client) Transfer(ctx context.Context, to uint64) (leader uint64, err error) {
	answer, err := c.ask(ctx, "transfer-leader", "", &lockdv1.TransferLeaderRequest{To: to})
	transferred, err := as[server.Transferred]("transfer-leader", answer, err)
	return uint64(transferred.Leader), err
}

// ChangeMembers adds, promotes and removes members in one step, and returns the voters and learners when that is done. A change that was
// carried out already, because the answer of an earlier attempt was lost, is refused as one that makes no sense.
func (c *Client) ChangeMembers(ctx context.Context, change server.ChangeMembers) (server.MembersChanged, error) {
	return query[server.MembersChanged](ctx, c, "change-members", "", change)
}

// Renew gives a session its full TTL again: one that nobody else keeps alive, as Grab leaves it.
func (c *Client) Renew(ctx context.Context, session uint64) error {
	_, err := c.ask(ctx, "renew", fmt.Sprint(session), &lockdv1.RenewSessionRequest{Session: session})
	return err
}

// CloseSession ends a session: its locks go to the next waiters.
func (c *Client) CloseSession(ctx context.Context, session uint64) error {
	_, err := c.ask(ctx, "close", fmt.Sprint(session), &lockdv1.CloseSessionRequest{Session: session})
	return err
}

// Release gives a lock back by its token, whoever holds it. ErrUnknownOutcome says that the token is not the holder's any more, and that this
// may or may not be the doing of an earlier attempt whose answer was lost.
func (c *Client) Release(ctx context.Context, name string, token uint64) error {
	request := &lockdv1.ReleaseRequest{Name: name, Token: token}
	e := &errand{client: c, operation: "release", subject: name, try: invoking(request), patience: tryPatience}
	_, err := e.run(ctx)
	if refusal, ok := errors.AsType[*RefusedError](err); ok && refusal.Status == lockfsm.StaleToken && e.doubt {
		return about("release", name, ErrUnknownOutcome)
	}
	return err
}

// Status asks the server at one of the endpoints, once, how it sees itself and the cluster.
func (c *Client) Status(ctx context.Context, endpoint string) (server.Inspected, error) {
	at := slices.Index(c.endpoints, endpoint)
	if at < 0 {
		return server.Inspected{}, fmt.Errorf("client: %s is not among the endpoints", endpoint)
	}
	answer, _, _, err := invoking(&lockdv1.StatusRequest{})(ctx, c.links[at])
	if answer == nil {
		return server.Inspected{}, fmt.Errorf("status of %s: %w", endpoint, err)
	}
	return as[server.Inspected]("status", answer, nil)
}

// Saved says what Backup has written.
type Saved struct {
	Index uint64 // position in the log of the last entry that it stands for
	Bytes int
}

// Backup writes the state of all locks and sessions, as of one confirmed moment, in the form that lockfsm.Restore reads. It writes
// nothing before it has all of it.
func (c *Client) Backup(ctx context.Context, to io.Writer) (Saved, error) {
	e := &errand{client: c, operation: "backup", try: saveSnapshot, patience: time.Hour}
	answer, err := e.run(ctx)
	backup, err := as[server.BackedUp]("backup", answer, err)
	if err != nil {
		return Saved{}, err
	}
	if _, err := to.Write(backup.Snapshot.Data); err != nil {
		return Saved{}, fmt.Errorf("backup: %w", err)
	}
	return Saved{Index: uint64(backup.Snapshot.Index), Bytes: len(backup.Snapshot.Data)}, nil
}

// saveSnapshot is a try that takes a whole backup.
func saveSnapshot(ctx context.Context, l *link) (server.Answer, wire.Address, bool, error) {
	assembly, err := receiveSnapshot(ctx, l)
	if err != nil {
		answer, leader := wire.AnswerIn(nil, err)
		return answer, leader, true, err
	}
	snapshot, err := assembly.Snapshot()
	if err != nil {
		return nil, wire.Address{}, true, err
	}
	return server.BackedUp{Snapshot: snapshot}, wire.Address{}, true, nil
}

func receiveSnapshot(ctx context.Context, l *link) (*wire.SnapshotAssembly, error) {
	stream, err := lockdv1.NewLockdClient(l.connection).SaveSnapshot(ctx, &lockdv1.SaveSnapshotRequest{})
	if err != nil {
		return nil, err
	}
	assembly := new(wire.SnapshotAssembly)
	for {
		chunk, err := stream.Recv()
		if err == io.EOF {
			return assembly, nil
		}
		if err == nil {
			err = assembly.Add(chunk)
		}
		if err != nil {
			return nil, err
		}
	}
}

// query asks for something that package wire knows how to put.
func query[Answer server.Answer](ctx context.Context, c *Client, operation, subject string, request server.Request) (Answer, error) {
	message, err := wire.RequestToProto(request)
	if err != nil {
		var none Answer
		return none, &RefusedError{Operation: operation, Subject: subject, Reason: server.Invalid, Detail: err.Error()}
	}
	answer, err := c.ask(ctx, operation, subject, message)
	return as[Answer](operation, answer, err)
}

// as is the answer in the form in which it was asked for.
func as[Answer server.Answer](operation string, answer server.Answer, err error) (Answer, error) {
	expected, is := answer.(Answer)
	if refusal, refused := answer.(server.Refusal); err == nil && refused {
		return expected, &RefusedError{Operation: operation, Reason: refusal.Reason, Detail: refusal.Detail}
	}
	if err == nil && !is {
		err = fmt.Errorf("the server answered with a %T instead of a %T", answer, expected)
	}
	return expected, err
}
