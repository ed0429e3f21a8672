package wire

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"lockd/server"
	"lockd/wire/lockdv1"
)

// Call is one request on a Connect stream.
type Call struct {
	ID      uint64 // the client's, fresh for each call of a stream
	Request server.Request
}

// Reply answers the Call with its ID.
type Reply struct {
	ID     uint64
	Answer server.Answer
	// Leader is where the leader that a Refusal names can be reached; whoever sends the
	// reply fills it in. It means nothing for other answers, and is not sent with them.
	Leader Address
}

// CallsToProto packs calls into one frame. A call that cannot be carried is not in it: its
// caller's answer is in refused, as if the server had said so.
func CallsToProto(calls []Call) (frame *lockdv1.ClientFrame, refused []Reply) {
	frame = &lockdv1.ClientFrame{Calls: make([]*lockdv1.Call, 0, len(calls))}
	for _, call := range calls {
		message := &lockdv1.Call{Id: call.ID}
		if err := setRequest(message, call.Request); err != nil {
			refused = append(refused, refuse(call.ID, err))
			continue
		}
		frame.Calls = append(frame.Calls, message)
	}
	return frame, refused
}

// CallsFromProto unpacks a frame. What is to be answered at once, because it is no request
// that this version can execute, is in refused.
func CallsFromProto(frame *lockdv1.ClientFrame) (calls []Call, refused []Reply) {
	calls = make([]Call, 0, len(frame.GetCalls()))
	for _, message := range frame.GetCalls() {
		request, err := RequestFromProto(requestOf(message))
		if err != nil {
			refused = append(refused, refuse(message.GetId(), err))
			continue
		}
		calls = append(calls, Call{ID: message.GetId(), Request: request})
	}
	return calls, refused
}

func refuse(id uint64, err error) Reply {
	return Reply{ID: id, Answer: err.(*InvalidRequest).Refusal()}
}

// RepliesToProto packs replies into one frame. An answer that is none of package server's is
// a mistake of the program, and panics; so is a BackedUp, which has SnapshotChunks.
func RepliesToProto(replies []Reply) *lockdv1.ServerFrame {
	frame := &lockdv1.ServerFrame{Replies: make([]*lockdv1.Reply, len(replies))}
	for i, reply := range replies {
		frame.Replies[i] = &lockdv1.Reply{Id: reply.ID}
		setAnswer(frame.Replies[i], answerToProto(reply.Answer, reply.Leader))
	}
	return frame
}

// RepliesFromProto unpacks a frame. An error is a *Malformed: the server answers in words
// that this version does not know, so that the calls have no known outcome.
func RepliesFromProto(frame *lockdv1.ServerFrame) ([]Reply, error) {
	replies := make([]Reply, len(frame.GetReplies()))
	for i, message := range frame.GetReplies() {
		answer, leader := answerFromProto(answerOf(message))
		if answer == nil {
			return nil, &Malformed{What: "server frame", At: -1, Why: fmt.Sprintf("the answer to call %d is not known to this version", message.GetId())}
		}
		replies[i] = Reply{ID: message.GetId(), Answer: answer, Leader: leader}
	}
	return replies, nil
}

// EncodeCalls appends the bytes of CallsToProto's frame to dst.
func EncodeCalls(dst []byte, calls []Call) (frame []byte, refused []Reply) {
	message, refused := CallsToProto(calls)
	return marshal(dst, message), refused
}

// DecodeCalls reads what EncodeCalls wrote, as CallsFromProto does. An error is a *Malformed.
func DecodeCalls(b []byte) (calls []Call, refused []Reply, err error) {
	var frame lockdv1.ClientFrame
	if err := proto.Unmarshal(b, &frame); err != nil {
		return nil, nil, &Malformed{What: "client frame", At: -1, Why: err.Error()}
	}
	calls, refused = CallsFromProto(&frame)
	return calls, refused, nil
}

// EncodeReplies appends the bytes of RepliesToProto's frame to dst.
func EncodeReplies(dst []byte, replies []Reply) []byte {
	return marshal(dst, RepliesToProto(replies))
}

// DecodeReplies reads what EncodeReplies wrote. An error is a *Malformed.
func DecodeReplies(b []byte) ([]Reply, error) {
	var frame lockdv1.ServerFrame
	if err := proto.Unmarshal(b, &frame); err != nil {
		return nil, &Malformed{What: "server frame", At: -1, Why: err.Error()}
	}
	return RepliesFromProto(&frame)
}

func marshal(dst []byte, message proto.Message) []byte {
	// Deterministic, so that a simulation that is run twice sends the same bytes.
	encoded, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, message)
	if err != nil {
		panic(fmt.Sprintf("wire: a frame whose texts were checked does not encode: %v", err))
	}
	return encoded
}
