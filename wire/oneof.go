package wire

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"lockd/server"
	"lockd/wire/lockdv1"
)

// The tables between messages and the wrappers in which generated code keeps a oneof.

func setRequest(call *lockdv1.Call, request server.Request) error {
	message, err := RequestToProto(request)
	if err != nil {
		return err
	}
	switch m := message.(type) {
	case *lockdv1.OpenSessionRequest:
		call.Request = &lockdv1.Call_OpenSession{OpenSession: m}
	case *lockdv1.RenewSessionRequest:
		call.Request = &lockdv1.Call_RenewSession{RenewSession: m}
	case *lockdv1.CloseSessionRequest:
		call.Request = &lockdv1.Call_CloseSession{CloseSession: m}
	case *lockdv1.AcquireRequest:
		call.Request = &lockdv1.Call_Acquire{Acquire: m}
	case *lockdv1.ReleaseRequest:
		call.Request = &lockdv1.Call_Release{Release: m}
	case *lockdv1.CancelRequest:
		call.Request = &lockdv1.Call_Cancel{Cancel: m}
	case *lockdv1.CheckRequest:
		call.Request = &lockdv1.Call_Check{Check: m}
	case *lockdv1.ShowRequest:
		call.Request = &lockdv1.Call_Show{Show: m}
	case *lockdv1.ListRequest:
		call.Request = &lockdv1.Call_List{List: m}
	case *lockdv1.ListSessionsRequest:
		call.Request = &lockdv1.Call_ListSessions{ListSessions: m}
	case *lockdv1.StatusRequest:
		call.Request = &lockdv1.Call_Status{Status: m}
	case *lockdv1.TransferLeaderRequest:
		call.Request = &lockdv1.Call_TransferLeader{TransferLeader: m}
	case *lockdv1.ChangeMembersRequest:
		call.Request = &lockdv1.Call_ChangeMembers{ChangeMembers: m}
	default:
		return invalid("A stream of calls does not carry %T.", request)
	}
	return nil
}

// requestOf returns nil for a call without a request, or with one of a later version.
func requestOf(call *lockdv1.Call) proto.Message {
	switch r := call.GetRequest().(type) {
	case *lockdv1.Call_OpenSession:
		return r.OpenSession
	case *lockdv1.Call_RenewSession:
		return r.RenewSession
	case *lockdv1.Call_CloseSession:
		return r.CloseSession
	case *lockdv1.Call_Acquire:
		return r.Acquire
	case *lockdv1.Call_Release:
		return r.Release
	case *lockdv1.Call_Cancel:
		return r.Cancel
	case *lockdv1.Call_Check:
		return r.Check
	case *lockdv1.Call_Show:
		return r.Show
	case *lockdv1.Call_List:
		return r.List
	case *lockdv1.Call_ListSessions:
		return r.ListSessions
	case *lockdv1.Call_Status:
		return r.Status
	case *lockdv1.Call_TransferLeader:
		return r.TransferLeader
	case *lockdv1.Call_ChangeMembers:
		return r.ChangeMembers
	}
	return nil
}

func setAnswer(reply *lockdv1.Reply, message proto.Message) {
	switch m := message.(type) {
	case *lockdv1.Result:
		reply.Answer = &lockdv1.Reply_Result{Result: m}
	case *lockdv1.CheckResponse:
		reply.Answer = &lockdv1.Reply_Check{Check: m}
	case *lockdv1.ShowResponse:
		reply.Answer = &lockdv1.Reply_Show{Show: m}
	case *lockdv1.ListResponse:
		reply.Answer = &lockdv1.Reply_List{List: m}
	case *lockdv1.ListSessionsResponse:
		reply.Answer = &lockdv1.Reply_ListSessions{ListSessions: m}
	case *lockdv1.StatusResponse:
		reply.Answer = &lockdv1.Reply_Status{Status: m}
	case *lockdv1.TransferLeaderResponse:
		reply.Answer = &lockdv1.Reply_TransferLeader{TransferLeader: m}
	case *lockdv1.ChangeMembersResponse:
		reply.Answer = &lockdv1.Reply_ChangeMembers{ChangeMembers: m}
	case *lockdv1.Refusal:
		reply.Answer = &lockdv1.Reply_Refusal{Refusal: m}
	default:
		panic(fmt.Sprintf("wire: a reply has no place for a %T", message))
	}
}

// answerOf returns nil for a reply without an answer, or with one of a later version.
func answerOf(reply *lockdv1.Reply) proto.Message {
	switch a := reply.GetAnswer().(type) {
	case *lockdv1.Reply_Result:
		return a.Result
	case *lockdv1.Reply_Check:
		return a.Check
	case *lockdv1.Reply_Show:
		return a.Show
	case *lockdv1.Reply_List:
		return a.List
	case *lockdv1.Reply_ListSessions:
		return a.ListSessions
	case *lockdv1.Reply_Status:
		return a.Status
	case *lockdv1.Reply_TransferLeader:
		return a.TransferLeader
	case *lockdv1.Reply_ChangeMembers:
		return a.ChangeMembers
	case *lockdv1.Reply_Refusal:
		return a.Refusal
	}
	return nil
}
