package wire

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/wire/lockdv1"
)

// Address is where a member serves clients, as it advertises it. Empty: not known.
type Address struct {
	Client string // gRPC, as host:port
	HTTP   string // HTTP, as host:port
}

// answerToProto converts an answer to its message in lockd.v1. It cannot fail: a text that is
// not UTF-8 is mended, because it is there for people to read.
func answerToProto(answer server.Answer, leader Address) proto.Message {
	switch a := answer.(type) {
	case lockfsm.Result:
		return resultToProto(a)
	case server.Checked:
		return &lockdv1.CheckResponse{
			Valid: a.Valid, CurrentToken: uint64(a.Current), LastToken: uint64(a.Last), Revision: a.Revision,
		}
	case server.Shown:
		return &lockdv1.ShowResponse{
			Lock: lockToProto(a.Lock), Waiters: each(a.Waiters, waiterToProto),
			LastToken: uint64(a.Last), Revision: a.Revision,
		}
	case server.Listed:
		return &lockdv1.ListResponse{
			Locks: each(a.Locks, lockToProto), More: a.More, LastToken: uint64(a.Last), Revision: a.Revision,
		}
	case server.SessionsListed:
		return &lockdv1.ListSessionsResponse{
			Sessions: each(a.Sessions, sessionToProto), More: a.More, Revision: a.Revision,
		}
	case server.Inspected:
		return inspectedToProto(a)
	case server.Transferred:
		return &lockdv1.TransferLeaderResponse{Leader: uint64(a.Leader)}
	case server.MembersChanged:
		return &lockdv1.ChangeMembersResponse{
			Members: each(a.Membership.Members, memberToProto), Learners: each(a.Membership.Learners, memberToProto),
		}
	case server.Refusal:
		return refusalToProto(a, leader)
	}
	panic(fmt.Sprintf("wire: a %T answers no call of one message", answer))
}

// answerFromProto reads what a server answered. It returns nil for a message that is no
// answer or says what this version does not know: then the outcome is unknown.
func answerFromProto(message proto.Message) (server.Answer, Address) {
	switch m := message.(type) {
	case *lockdv1.Result:
		if result, ok := resultFromProto(m); ok {
			return result, Address{}
		}
	case *lockdv1.CheckResponse:
		return server.Checked{
			Valid: m.GetValid(), Current: lockfsm.Token(m.GetCurrentToken()),
			Last: lockfsm.Token(m.GetLastToken()), Revision: m.GetRevision(),
		}, Address{}
	case *lockdv1.ShowResponse:
		return server.Shown{
			Lock: lockFromProto(m.GetLock()), Waiters: each(m.GetWaiters(), waiterFromProto),
			Last: lockfsm.Token(m.GetLastToken()), Revision: m.GetRevision(),
		}, Address{}
	case *lockdv1.ListResponse:
		return server.Listed{
			Locks: each(m.GetLocks(), lockFromProto), More: m.GetMore(),
			Last: lockfsm.Token(m.GetLastToken()), Revision: m.GetRevision(),
		}, Address{}
	case *lockdv1.ListSessionsResponse:
		return server.SessionsListed{
			Sessions: each(m.GetSessions(), sessionFromProto), More: m.GetMore(), Revision: m.GetRevision(),
		}, Address{}
	case *lockdv1.StatusResponse:
		return inspectedFromProto(m), Address{}
	case *lockdv1.TransferLeaderResponse:
		return server.Transferred{Leader: raft.ID(m.GetLeader())}, Address{}
	case *lockdv1.ChangeMembersResponse:
		return server.MembersChanged{Membership: raft.Membership{
			Members: each(m.GetMembers(), memberFromProto), Learners: each(m.GetLearners(), memberFromProto),
		}}, Address{}
	case *lockdv1.Refusal:
		if refusal, ok := refusalFromProto(m); ok {
			return refusal, Address{Client: m.GetLeaderAddress(), HTTP: m.GetLeaderHttp()}
		}
	}
	return nil, Address{}
}

func resultToProto(r lockfsm.Result) *lockdv1.Result {
	return &lockdv1.Result{
		Status: lockdv1.Result_Status(r.Status), Session: uint64(r.Session), Ttl: duration(r.TTL),
		Token: uint64(r.Token), CurrentToken: uint64(r.Current), LastToken: uint64(r.Last),
		Place: uint64(r.Place), Revision: r.Revision,
	}
}

// resultFromProto is false when the status is not known to this version: to take its number
// for something else could turn a refusal into a grant.
func resultFromProto(m *lockdv1.Result) (lockfsm.Result, bool) {
	_, known := lockdv1.Result_Status_name[int32(m.GetStatus())]
	return lockfsm.Result{
		Status: lockfsm.Status(m.GetStatus()), Session: lockfsm.SessionID(m.GetSession()), TTL: m.GetTtl().AsDuration(),
		Token: lockfsm.Token(m.GetToken()), Current: lockfsm.Token(m.GetCurrentToken()), Last: lockfsm.Token(m.GetLastToken()),
		Place: lockfsm.Place(m.GetPlace()), Revision: m.GetRevision(),
	}, known && m.GetStatus() != lockdv1.Result_UNSPECIFIED
}

func refusalToProto(r server.Refusal, leader Address) *lockdv1.Refusal {
	return &lockdv1.Refusal{
		Cause:    &lockdv1.Refusal_Reason_{Reason: lockdv1.Refusal_Reason(r.Reason)},
		LeaderId: uint64(r.Leader), LeaderAddress: readable(leader.Client), LeaderHttp: readable(leader.HTTP),
		Detail: readable(r.Detail),
	}
}

// refusalFromProto is false when the reason is not known to this version, which then cannot
// tell whether the call was executed.
func refusalFromProto(m *lockdv1.Refusal) (server.Refusal, bool) {
	_, known := lockdv1.Refusal_Reason_name[int32(m.GetReason())]
	return server.Refusal{
		Reason: server.Reason(m.GetReason()), Leader: raft.ID(m.GetLeaderId()), Detail: m.GetDetail(),
	}, known && m.GetReason() != lockdv1.Refusal_UNSPECIFIED
}

// readable is the text itself, unless bytes that are no UTF-8 came into it: they are shown as
// U+FFFD, because protobuf would refuse the whole frame.
func readable(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// each converts one by one; nothing becomes nil.
func each[From, To any](list []From, convert func(From) To) []To {
	if len(list) == 0 {
		return nil
	}
	converted := make([]To, len(list))
	for i, item := range list {
		converted[i] = convert(item)
	}
	return converted
}
