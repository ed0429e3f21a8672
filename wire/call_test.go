package wire

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/wire/lockdv1"
)

func drawCall(t *rapid.T) Call {
	return Call{ID: draw[uint64](t, "id"), Request: drawRequest(t)}
}

func TestCallsArriveAsTheyWereMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		calls := rapid.SliceOfN(rapid.Custom(drawCall), 0, 5).Draw(t, "calls")
		frame, refused := EncodeCalls([]byte("before"), calls)
		require.Empty(t, refused)
		require.True(t, bytes.HasPrefix(frame, []byte("before")))
		decoded, refused, err := DecodeCalls(frame[len("before"):])
		require.NoError(t, err)
		require.Empty(t, refused)
		require.Equal(t, calls, decoded)
	})
}

func TestRepliesArriveAsTheyWereGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		replies := rapid.SliceOfN(rapid.Custom(drawReply), 0, 5).Draw(t, "replies")
		frame := EncodeReplies([]byte("before"), replies)
		require.True(t, bytes.HasPrefix(frame, []byte("before")))
		decoded, err := DecodeReplies(frame[len("before"):])
		require.NoError(t, err)
		require.Equal(t, replies, decoded)
	})
}

// A field that a conversion forgot would be zero in both directions. So each field of each
// message, set to something, has to be set again after a way there and back.
func TestEveryFieldOfEveryMessageIsConverted(t *testing.T) {
	asked := &lockdv1.ClientFrame{Calls: oneOfEach(func() *lockdv1.Call { return &lockdv1.Call{Id: 1} })}
	require.Len(t, asked.Calls, len(requestDraws))
	calls, refused := CallsFromProto(asked)
	require.Empty(t, refused)
	again, refused := CallsToProto(calls)
	require.Empty(t, refused)
	for i := range asked.Calls {
		require.Equal(t, asked.Calls[i].String(), again.Calls[i].String())
	}

	answered := &lockdv1.ServerFrame{Replies: oneOfEach(func() *lockdv1.Reply { return &lockdv1.Reply{Id: 1} })}
	require.Len(t, answered.Replies, len(answerDraws))
	replies, err := RepliesFromProto(answered)
	require.NoError(t, err)
	for i, reply := range RepliesToProto(replies).Replies {
		require.Equal(t, answered.Replies[i].String(), reply.String())
	}
}

func TestAnEndlessWaitIsAnyNegativeDuration(t *testing.T) {
	for _, wait := range []time.Duration{-1, -time.Second, math.MinInt64} {
		request, err := RequestFromProto(&lockdv1.AcquireRequest{Wait: durationpb.New(wait)})
		require.NoError(t, err)
		require.Equal(t, lockfsm.Forever, request.(lockfsm.Acquire).Wait)
	}
	request, err := RequestFromProto(&lockdv1.AcquireRequest{})
	require.NoError(t, err)
	require.Equal(t, lockfsm.NoWait, request.(lockfsm.Acquire).Wait)
}

func TestAnEndlessWaiterIsShownWithoutAnEnd(t *testing.T) {
	reply := RepliesToProto([]Reply{{Answer: server.Shown{Waiters: []lockfsm.WaiterView{{Until: lockfsm.Forever}, {}}}}}).Replies[0]
	require.Nil(t, reply.GetShow().GetWaiters()[0].GetUntil())
	require.NotNil(t, reply.GetShow().GetWaiters()[1].GetUntil())
}

func TestEveryTextOfARequestMustBeUTF8(t *testing.T) {
	for field, requests := range map[string][]server.Request{
		"name": {
			lockfsm.Acquire{Name: "\xff"}, lockfsm.Release{Name: "\xff"}, server.Check{Name: "\xff"}, server.Show{Name: "\xff"},
		},
		"owner":  {lockfsm.Open{Owner: "\xff"}},
		"value":  {lockfsm.Acquire{Value: []byte{0xff}}},
		"prefix": {server.List{Prefix: "\xff"}},
		"after":  {server.List{After: "\xff"}},
	} {
		for _, request := range requests {
			_, err := RequestToProto(request)
			require.IsType(t, &InvalidRequest{}, err, "%T", request)
			require.EqualError(t, err, "The "+field+" is not UTF-8.")
		}
	}
}

func TestOneBadCallHarmsNoOther(t *testing.T) {
	good := Call{ID: 2, Request: server.Check{Name: "a", Token: 3}}
	frame, refused := CallsToProto([]Call{
		{ID: 1, Request: lockfsm.Acquire{Name: "a", Value: []byte{0xff}}},
		good,
		{ID: 3, Request: server.List{Prefix: "\xc0"}},
		{ID: 4, Request: lockfsm.Renew{Sessions: []lockfsm.SessionID{1, 2}}},
		{ID: 5, Request: lockfsm.Clock{}},
		{ID: 6, Request: server.Backup{}},
	})
	require.Equal(t, []Reply{
		{ID: 1, Answer: server.Refusal{Reason: server.Invalid, Detail: "The value is not UTF-8."}},
		{ID: 3, Answer: server.Refusal{Reason: server.Invalid, Detail: "The prefix is not UTF-8."}},
		{ID: 4, Answer: server.Refusal{Reason: server.Invalid, Detail: "A client renews one session at a time, not 2."}},
		{ID: 5, Answer: server.Refusal{Reason: server.Invalid, Detail: "Clients do not ask for lockfsm.Clock."}},
		{ID: 6, Answer: server.Refusal{Reason: server.Invalid, Detail: "A stream of calls does not carry server.Backup."}},
	}, refused)

	frame.Calls = append(frame.Calls,
		&lockdv1.Call{Id: 7},
		&lockdv1.Call{Id: 8, Request: &lockdv1.Call_OpenSession{OpenSession: &lockdv1.OpenSessionRequest{
			Ttl: &durationpb.Duration{Seconds: 1, Nanos: -1}}}})
	calls, refused := CallsFromProto(frame)
	require.Equal(t, []Call{good}, calls)
	require.Equal(t, []Reply{
		{ID: 7, Answer: server.Refusal{Reason: server.Invalid, Detail: "This version of the service does not know the request."}},
		{ID: 8, Answer: server.Refusal{Reason: server.Invalid, Detail: "The ttl of 1 s and -1 ns is not a duration."}},
	}, refused)
}

func TestATextThatIsNoneBreaksNoReply(t *testing.T) {
	replies := []Reply{{ID: 1, Answer: server.Listed{Locks: []lockfsm.LockView{{Name: "a", Value: []byte{'v', 0xff}}}}}}
	decoded, err := DecodeReplies(EncodeReplies(nil, replies))
	require.NoError(t, err)
	require.Equal(t, "v\uFFFD", string(decoded[0].Answer.(server.Listed).Locks[0].Value))
}

func TestAnUnknownAnswerIsNoAnswer(t *testing.T) {
	for name, reply := range map[string]*lockdv1.Reply{
		"without an answer":     {Id: 4},
		"of an unknown status":  {Id: 4, Answer: &lockdv1.Reply_Result{Result: &lockdv1.Result{Status: 257}}},
		"without a status":      {Id: 4, Answer: &lockdv1.Reply_Result{Result: &lockdv1.Result{}}},
		"for an unknown reason": {Id: 4, Answer: &lockdv1.Reply_Refusal{Refusal: &lockdv1.Refusal{Cause: &lockdv1.Refusal_Reason_{Reason: 300}}}},
		"without a reason":      {Id: 4, Answer: &lockdv1.Reply_Refusal{Refusal: &lockdv1.Refusal{}}},
	} {
		_, err := RepliesFromProto(&lockdv1.ServerFrame{Replies: []*lockdv1.Reply{reply}})
		require.IsType(t, &Malformed{}, err, name)
		require.ErrorContains(t, err, "the answer to call 4 is not known")
	}
}

func TestBytesThatAreNoFrameAreMalformed(t *testing.T) {
	_, _, err := DecodeCalls([]byte{0xff})
	require.IsType(t, &Malformed{}, err)
	require.ErrorContains(t, err, "malformed client frame: ")
	_, err = DecodeReplies([]byte{0xff})
	require.IsType(t, &Malformed{}, err)
	require.ErrorContains(t, err, "malformed server frame: ")
}

func TestALimitThatDoesNotFitIsCut(t *testing.T) {
	message, err := RequestToProto(server.List{Limit: -1})
	require.NoError(t, err)
	require.Zero(t, message.(*lockdv1.ListRequest).GetLimit())
	request, err := RequestFromProto(&lockdv1.ListRequest{Limit: math.MaxUint32})
	require.NoError(t, err)
	require.Equal(t, math.MaxInt32, request.(server.List).Limit)
}

func FuzzDecodeCalls(f *testing.F) {
	for _, call := range oneOfEach(func() *lockdv1.Call { return &lockdv1.Call{Id: 1} }) {
		f.Add(marshal(nil, &lockdv1.ClientFrame{Calls: []*lockdv1.Call{call}}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		calls, _, err := DecodeCalls(b)
		if err != nil {
			require.IsType(t, &Malformed{}, err)
			return
		}
		frame, refused := EncodeCalls(nil, calls)
		require.Empty(t, refused, "what came over the wire can be sent over it")
		again, refused, err := DecodeCalls(frame)
		require.NoError(t, err)
		require.Empty(t, refused)
		require.Equal(t, calls, again)
	})
}

func FuzzDecodeReplies(f *testing.F) {
	for _, reply := range oneOfEach(func() *lockdv1.Reply { return &lockdv1.Reply{Id: 1} }) {
		f.Add(marshal(nil, &lockdv1.ServerFrame{Replies: []*lockdv1.Reply{reply}}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		replies, err := DecodeReplies(b)
		if err != nil {
			require.IsType(t, &Malformed{}, err)
			return
		}
		again, err := DecodeReplies(EncodeReplies(nil, replies))
		require.NoError(t, err)
		require.Equal(t, replies, again)
	})
}

var acquire = []Call{{ID: 7, Request: lockfsm.Acquire{
	Request: lockfsm.Request{Session: 12, Sequence: 340, Acknowledged: 339},
	Name:    "video/17", Value: []byte("worker-3"), Wait: lockfsm.Forever,
}}}

func BenchmarkEncodeCall(b *testing.B) {
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer, _ = EncodeCalls(buffer[:0], acquire)
	}
}

func BenchmarkDecodeCall(b *testing.B) {
	frame, _ := EncodeCalls(nil, acquire)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := DecodeCalls(frame); err != nil {
			b.Fatal(err)
		}
	}
}

var granted = []Reply{{ID: 7, Answer: lockfsm.Result{Status: lockfsm.OK, Session: 12, Token: 900, Current: 900, Last: 900, Revision: 5000}}}

func BenchmarkEncodeReply(b *testing.B) {
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = EncodeReplies(buffer[:0], granted)
	}
}

func BenchmarkDecodeReply(b *testing.B) {
	frame := EncodeReplies(nil, granted)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeReplies(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func TestASnapshotInChunksIsPutTogetherAgain(t *testing.T) {
	for _, length := range []int{0, 1, ChunkSize, 2*ChunkSize + 5} {
		snapshot := raft.Snapshot{
			Index: 9, Term: 3, Time: time.Hour,
			Membership: raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 2}}},
			Data:       orNil(bytes.Repeat([]byte{7}, length)),
		}
		var assembly SnapshotAssembly
		for chunk := range SnapshotChunks(server.BackedUp{Snapshot: snapshot}) {
			require.LessOrEqual(t, len(chunk.GetData()), ChunkSize)
			require.NoError(t, assembly.Add(chunk))
		}
		whole, err := assembly.Snapshot()
		require.NoError(t, err)
		require.Equal(t, snapshot, whole)
	}
}

func TestAnIncompleteSnapshotIsNoSnapshot(t *testing.T) {
	chunk := func(index, offset uint64, data string) *lockdv1.SnapshotChunk {
		return &lockdv1.SnapshotChunk{Index: index, Offset: offset, Total: 6, Data: []byte(data)}
	}
	for _, c := range []struct {
		why    string
		chunks []*lockdv1.SnapshotChunk
	}{
		{"the stream ended after 0 of 0 bytes", nil},
		{"the stream ended after 3 of 6 bytes", []*lockdv1.SnapshotChunk{chunk(1, 0, "abc")}},
		{"byte 4 came where 3 was due", []*lockdv1.SnapshotChunk{chunk(1, 0, "abc"), chunk(1, 4, "ef")}},
		{"two snapshots are mixed", []*lockdv1.SnapshotChunk{chunk(1, 0, "abc"), chunk(2, 3, "def")}},
		{"it is longer than the 6 bytes it claims", []*lockdv1.SnapshotChunk{chunk(1, 0, "abcdefg")}},
	} {
		require.ErrorContains(t, assemble(c.chunks), c.why)
	}
}

func assemble(chunks []*lockdv1.SnapshotChunk) error {
	var assembly SnapshotAssembly
	for _, chunk := range chunks {
		if err := assembly.Add(chunk); err != nil {
			return err
		}
	}
	_, err := assembly.Snapshot()
	return err
}
