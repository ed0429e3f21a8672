package wire

import (
	"cmp"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/wire/lockdv1"
)

// InvalidRequest says why a request cannot be carried. Nothing was executed.
type InvalidRequest struct {
	Detail string // one sentence for people
}

func (i *InvalidRequest) Error() string { return i.Detail }

// Refusal is the answer that the request's caller gets.
func (i *InvalidRequest) Refusal() server.Refusal {
	return server.Refusal{Reason: server.Invalid, Detail: i.Detail}
}

func invalid(format string, arguments ...any) *InvalidRequest {
	return &InvalidRequest{Detail: fmt.Sprintf(format, arguments...)}
}

// RequestToProto converts a request to its message in lockd.v1. An error is an
// *InvalidRequest: a text is not UTF-8, a Renew is not of exactly one session, or clients do
// not make such requests.
func RequestToProto(request server.Request) (proto.Message, error) {
	if err := textual(request); err != nil {
		return nil, err
	}
	switch r := request.(type) {
	case lockfsm.Open:
		return &lockdv1.OpenSessionRequest{Ttl: duration(r.TTL), Owner: r.Owner, Nonce: r.Nonce}, nil
	case lockfsm.Renew:
		if len(r.Sessions) != 1 {
			return nil, invalid("A client renews one session at a time, not %d.", len(r.Sessions))
		}
		return &lockdv1.RenewSessionRequest{Session: uint64(r.Sessions[0])}, nil
	case lockfsm.Close:
		return &lockdv1.CloseSessionRequest{Session: uint64(r.Session)}, nil
	case lockfsm.Acquire:
		return acquireToProto(r), nil
	case lockfsm.Release:
		return releaseToProto(r), nil
	case lockfsm.Cancel:
		return cancelToProto(r), nil
	case server.Check:
		return &lockdv1.CheckRequest{Name: r.Name, Token: uint64(r.Token), Lease: r.Lease}, nil
	case server.Show:
		return &lockdv1.ShowRequest{Name: r.Name, After: uint64(r.After), Limit: count(r.Limit), Lease: r.Lease}, nil
	case server.List:
		return &lockdv1.ListRequest{Prefix: r.Prefix, After: r.After, Limit: count(r.Limit), Lease: r.Lease}, nil
	case server.Sessions:
		return &lockdv1.ListSessionsRequest{After: uint64(r.After), Limit: count(r.Limit), Lease: r.Lease}, nil
	case server.Inspect:
		return &lockdv1.StatusRequest{}, nil
	case server.Transfer:
		return &lockdv1.TransferLeaderRequest{To: uint64(r.To)}, nil
	case server.ChangeMembers:
		return changeToProto(r.Change), nil
	case server.Backup:
		return &lockdv1.SaveSnapshotRequest{}, nil
	}
	return nil, invalid("Clients do not ask for %T.", request)
}

// textual finds what protobuf could not carry as a string: there one such field would break
// the whole frame, and with it the calls of others.
func textual(request server.Request) error {
	field := ""
	switch r := request.(type) {
	case lockfsm.Open:
		field = firstNotText("owner", r.Owner)
	case lockfsm.Acquire:
		field = firstNotText("name", r.Name, "value", string(r.Value))
	case lockfsm.Release:
		field = firstNotText("name", r.Name)
	case server.Check:
		field = firstNotText("name", r.Name)
	case server.Show:
		field = firstNotText("name", r.Name)
	case server.List:
		field = firstNotText("prefix", r.Prefix, "after", r.After)
	case server.ChangeMembers:
		for _, m := range r.Add {
			field = cmp.Or(field, firstNotText("address", m.Address))
		}
	}
	if field != "" {
		return invalid("The %s is not UTF-8.", field)
	}
	return nil
}

// firstNotText takes pairs of a field's name and its text, and names the first of which the
// text is none.
func firstNotText(pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if !utf8.ValidString(pairs[i+1]) {
			return pairs[i]
		}
	}
	return ""
}

func changeToProto(c raft.Change) *lockdv1.ChangeMembersRequest {
	return &lockdv1.ChangeMembersRequest{
		Add: each(c.Add, memberToProto), Promote: each(c.Promote, idToProto), Remove: each(c.Remove, idToProto),
	}
}

func idToProto(id raft.ID) uint64 { return uint64(id) }

func idFromProto(id uint64) raft.ID { return raft.ID(id) }

func acquireToProto(a lockfsm.Acquire) *lockdv1.AcquireRequest {
	wait := a.Wait
	if wait == lockfsm.Forever {
		wait = -time.Second
	}
	return &lockdv1.AcquireRequest{
		Name: a.Name, Value: string(a.Value), Wait: duration(wait),
		Session: uint64(a.Session), Sequence: uint64(a.Sequence), Acknowledged: uint64(a.Acknowledged),
	}
}

func releaseToProto(r lockfsm.Release) *lockdv1.ReleaseRequest {
	return &lockdv1.ReleaseRequest{
		Name: r.Name, Token: uint64(r.Token),
		Session: uint64(r.Session), Sequence: uint64(r.Sequence), Acknowledged: uint64(r.Acknowledged),
	}
}

func cancelToProto(c lockfsm.Cancel) *lockdv1.CancelRequest {
	return &lockdv1.CancelRequest{
		Target:  uint64(c.Target),
		Session: uint64(c.Session), Sequence: uint64(c.Sequence), Acknowledged: uint64(c.Acknowledged),
	}
}

// RequestFromProto converts a message of lockd.v1 to the request that it makes. Whether its
// numbers and names make sense is not judged here. An error is an *InvalidRequest.
func RequestFromProto(message proto.Message) (server.Request, error) {
	switch m := message.(type) {
	case *lockdv1.OpenSessionRequest:
		return openFromProto(m)
	case *lockdv1.RenewSessionRequest:
		return lockfsm.Renew{Sessions: []lockfsm.SessionID{lockfsm.SessionID(m.GetSession())}}, nil
	case *lockdv1.CloseSessionRequest:
		return lockfsm.Close{Session: lockfsm.SessionID(m.GetSession())}, nil
	case *lockdv1.AcquireRequest:
		return acquireFromProto(m)
	case *lockdv1.ReleaseRequest:
		return lockfsm.Release{Request: numbered(m), Name: m.GetName(), Token: lockfsm.Token(m.GetToken())}, nil
	case *lockdv1.CancelRequest:
		return lockfsm.Cancel{Request: numbered(m), Target: lockfsm.Sequence(m.GetTarget())}, nil
	case *lockdv1.CheckRequest:
		return server.Check{Name: m.GetName(), Token: lockfsm.Token(m.GetToken()), Lease: m.GetLease()}, nil
	case *lockdv1.ShowRequest:
		return server.Show{Name: m.GetName(), After: lockfsm.Place(m.GetAfter()), Limit: size(m.GetLimit()), Lease: m.GetLease()}, nil
	case *lockdv1.ListRequest:
		return server.List{Prefix: m.GetPrefix(), After: m.GetAfter(), Limit: size(m.GetLimit()), Lease: m.GetLease()}, nil
	case *lockdv1.ListSessionsRequest:
		return server.Sessions{After: lockfsm.SessionID(m.GetAfter()), Limit: size(m.GetLimit()), Lease: m.GetLease()}, nil
	case *lockdv1.StatusRequest:
		return server.Inspect{}, nil
	case *lockdv1.TransferLeaderRequest:
		return server.Transfer{To: raft.ID(m.GetTo())}, nil
	case *lockdv1.ChangeMembersRequest:
		return server.ChangeMembers{Change: raft.Change{
			Add: each(m.GetAdd(), memberFromProto), Promote: each(m.GetPromote(), idFromProto), Remove: each(m.GetRemove(), idFromProto),
		}}, nil
	case *lockdv1.SaveSnapshotRequest:
		return server.Backup{}, nil
	}
	return nil, invalid("This version of the service does not know the request.")
}

func openFromProto(m *lockdv1.OpenSessionRequest) (server.Request, error) {
	ttl, err := span("ttl", m.GetTtl())
	if err != nil {
		return nil, err
	}
	return lockfsm.Open{TTL: ttl, Owner: m.GetOwner(), Nonce: m.GetNonce()}, nil
}

func acquireFromProto(m *lockdv1.AcquireRequest) (server.Request, error) {
	wait, err := span("wait", m.GetWait())
	if err != nil {
		return nil, err
	}
	if wait < 0 {
		wait = lockfsm.Forever
	}
	a := lockfsm.Acquire{Request: numbered(m), Name: m.GetName(), Wait: wait}
	if m.GetValue() != "" {
		a.Value = []byte(m.GetValue())
	}
	return a, nil
}

// numbered is what the exactly-once requests have in common.
func numbered(m interface {
	GetSession() uint64
	GetSequence() uint64
	GetAcknowledged() uint64
}) lockfsm.Request {
	return lockfsm.Request{
		Session:      lockfsm.SessionID(m.GetSession()),
		Sequence:     lockfsm.Sequence(m.GetSequence()),
		Acknowledged: lockfsm.Sequence(m.GetAcknowledged()),
	}
}

// duration leaves zero out: most durations of most messages are zero.
func duration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

// span reads a duration that a client wrote. One beyond 292 years is cut to that.
func span(field string, d *durationpb.Duration) (time.Duration, error) {
	if d == nil {
		return 0, nil
	}
	if !d.IsValid() {
		return 0, invalid("The %s of %d s and %d ns is not a duration.", field, d.GetSeconds(), d.GetNanos())
	}
	return d.AsDuration(), nil
}

// count and size convert between the sizes of Go and of protobuf; what does not fit is cut
// to what does, and no size is below zero.
func count(n int) uint32 { return uint32(min(max(n, 0), math.MaxInt32)) }

func size(n uint32) int { return int(min(n, math.MaxInt32)) }
