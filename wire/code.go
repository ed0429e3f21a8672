package wire

import (
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire/lockdv1"
)

// A unary call's refusal is a gRPC status. Generic clients retry UNAVAILABLE, often at another
// server, and nothing else: so it stands for exactly those refusals after which that is both
// safe and useful. An unknown outcome must not look like it: repeated under another number, an
// Acquire that was executed after all would queue behind itself.

var statusCodes = map[lockfsm.Status]codes.Code{
	lockfsm.OK:       codes.OK,
	lockfsm.Waiting:  codes.OK,
	lockfsm.Busy:     codes.OK, // these three end an Acquire as its caller allowed
	lockfsm.TimedOut: codes.OK,
	lockfsm.Canceled: codes.OK,

	lockfsm.UnknownSession:    codes.NotFound,
	lockfsm.StaleToken:        codes.FailedPrecondition,
	lockfsm.FutureToken:       codes.FailedPrecondition,
	lockfsm.ZeroToken:         codes.InvalidArgument,
	lockfsm.WrongName:         codes.FailedPrecondition,
	lockfsm.SequenceReused:    codes.AlreadyExists,
	lockfsm.SequenceForgotten: codes.FailedPrecondition,
	lockfsm.InvalidName:       codes.InvalidArgument,
	lockfsm.InvalidValue:      codes.InvalidArgument,
	lockfsm.InvalidOwner:      codes.InvalidArgument,
	lockfsm.InvalidTTL:        codes.InvalidArgument,
	lockfsm.InvalidWait:       codes.InvalidArgument,
	lockfsm.TooManySessions:   codes.ResourceExhausted,
	lockfsm.TooManyLocks:      codes.ResourceExhausted,
	lockfsm.TooManyWaiters:    codes.ResourceExhausted,
	lockfsm.TooManyRequests:   codes.ResourceExhausted,
}

var reasonCodes = map[server.Reason]codes.Code{
	server.NotLeader:  codes.Unavailable,
	server.Overloaded: codes.ResourceExhausted,
	server.Invalid:    codes.InvalidArgument,
	server.DiskFull:   codes.ResourceExhausted,
	server.Stopping:   codes.Unavailable,
	server.Unknown:    codes.Unknown,
}

// Code is the gRPC code of a unary call that ends with a status of the lock machine or for a
// reason of the server's.
func Code[Outcome lockfsm.Status | server.Reason](outcome Outcome) codes.Code {
	var code codes.Code
	var known bool
	switch o := any(outcome).(type) {
	case lockfsm.Status:
		code, known = statusCodes[o]
	case server.Reason:
		code, known = reasonCodes[o]
	}
	if !known {
		panic(fmt.Sprintf("wire: %T %d has no gRPC code", outcome, outcome))
	}
	return code
}

// Response is what a unary call returns for an answer: the message of its RPC, or a gRPC error
// whose details hold a lockdv1.Refusal. Leader is as in a Reply.
func Response[Message proto.Message](answer server.Answer, leader Address) (Message, error) {
	var none Message
	switch a := answer.(type) {
	case server.Refusal:
		return none, refusalError(Code(a.Reason), refusalToProto(a, leader))
	case lockfsm.Result:
		if code := Code(a.Status); code != codes.OK {
			result := resultToProto(a)
			detail := fmt.Sprintf("The lock service refused: %s.", result.GetStatus())
			return none, refusalError(code, &lockdv1.Refusal{Cause: &lockdv1.Refusal_Result{Result: result}, Detail: detail})
		}
	}
	message, ok := answerToProto(answer, leader).(Message)
	if !ok {
		panic(fmt.Sprintf("wire: a %T does not answer a call that returns %T", answer, none))
	}
	return message, nil
}

func refusalError(code codes.Code, refusal *lockdv1.Refusal) error {
	plain := status.New(code, refusal.GetDetail())
	detailed, err := plain.WithDetails(refusal)
	if err != nil {
		panic(fmt.Sprintf("wire: a refusal with code %s does not fit into a status: %v", code, err))
	}
	return detailed.Err()
}

// RefusalIn finds the refusal in the error of a unary call. It is nil when the service did not
// refuse: then the call failed on its way, and its outcome is unknown.
func RefusalIn(err error) *lockdv1.Refusal {
	for _, detail := range status.Convert(err).Details() {
		if refusal, ok := detail.(*lockdv1.Refusal); ok {
			return refusal
		}
	}
	return nil
}

// AnswerIn is the answer in what a unary call returned, as Response had made it: the other
// half for clients in Go. It is nil when the outcome is unknown.
func AnswerIn(message proto.Message, err error) (server.Answer, Address) {
	if err == nil {
		return answerFromProto(message)
	}
	refusal := RefusalIn(err)
	if result := refusal.GetResult(); result != nil {
		return answerFromProto(result)
	}
	if refusal == nil {
		return nil, Address{}
	}
	return answerFromProto(refusal)
}
