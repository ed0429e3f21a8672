package transport_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/transport"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// node stands for what is behind the front: it keeps calls until the test answers them.
type node struct {
	mutex  sync.Mutex
	calls  []transport.Call
	hungUp map[server.CallID]bool
	refuse *server.Refusal // not nil: every call is refused at once, and the leader is named
}

func (n *node) call(calls []transport.Call) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.refuse == nil {
		n.calls = append(n.calls, calls...)
		return
	}
	for _, c := range calls {
		c.Caller.Answer(*n.refuse, wire.Address{HTTP: "two:7402"})
	}
}

func (n *node) hangup(ids []server.CallID) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for _, id := range ids {
		n.hungUp[id] = true
	}
}

func (n *node) waiting() int {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return len(n.calls)
}

// answer gives the oldest call its answer.
func (n *node) answer(answer server.Answer, leader wire.Address) {
	n.mutex.Lock()
	call := n.calls[0]
	n.calls = n.calls[1:]
	n.mutex.Unlock()
	call.Caller.Answer(answer, leader)
	call.Caller.Wake()
}

func serve(t testing.TB) (*node, *transport.Clients, *grpc.ClientConn) {
	n := &node{hungUp: map[server.CallID]bool{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	clients := transport.NewClients(transport.ClientsConfig{Listener: listener, Call: n.call, Hangup: n.hangup, MaxStreamCalls: 4})
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, connection.Close())
		clients.Close(within(t))
	})
	return n, clients, connection
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

var granted = lockfsm.Result{Status: lockfsm.OK, Token: 7, Current: 7, Last: 7}

func frame(t testing.TB, calls ...wire.Call) *lockdv1.ClientFrame {
	frame, refused := wire.CallsToProto(calls)
	require.Empty(t, refused)
	return frame
}

func TestAStreamTakesNoMoreCallsThanItMay(t *testing.T) {
	n, _, connection := serve(t)
	stream, err := lockdv1.NewLockdClient(connection).Connect(within(t))
	require.NoError(t, err)
	var calls []wire.Call
	for id := uint64(1); id <= 3; id++ { // at most half of them may be ready to wait
		calls = append(calls, wire.Call{ID: id, Request: lockfsm.Acquire{Name: "a", Wait: lockfsm.Forever}})
	}
	for id := uint64(4); id <= 6; id++ {
		calls = append(calls, wire.Call{ID: id, Request: lockfsm.Renew{Sessions: []lockfsm.SessionID{1}}})
	}
	require.NoError(t, stream.Send(frame(t, calls...)))
	got, err := stream.Recv()
	require.NoError(t, err)
	replies, err := wire.RepliesFromProto(got)
	require.NoError(t, err)
	require.Len(t, replies, 2)
	for i, id := range []uint64{3, 6} {
		require.Equal(t, id, replies[i].ID)
		require.Equal(t, server.Overloaded, replies[i].Answer.(server.Refusal).Reason)
	}
	await(t, func() bool { return n.waiting() == 4 })
	n.answer(granted, wire.Address{})
	got, err = stream.Recv()
	require.NoError(t, err)
	require.Equal(t, uint64(1), got.GetReplies()[0].GetId())
}

func TestTheEndOfAStreamHangsUpItsCalls(t *testing.T) {
	n, _, connection := serve(t)
	ctx, hangup := context.WithCancel(within(t))
	stream, err := lockdv1.NewLockdClient(connection).Connect(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(frame(t, wire.Call{ID: 1, Request: server.Inspect{}}, wire.Call{ID: 2, Request: server.Inspect{}})))
	await(t, func() bool { return n.waiting() == 2 })
	n.answer(granted, wire.Address{})
	hangup()
	open := n.calls[0].ID
	await(t, func() bool { n.mutex.Lock(); defer n.mutex.Unlock(); return n.hungUp[open] })
}

func TestAnswersGivenBeforeTheEndArriveBeforeIt(t *testing.T) {
	n, clients, connection := serve(t)
	stream, err := lockdv1.NewLockdClient(connection).Connect(within(t))
	require.NoError(t, err)
	require.NoError(t, stream.Send(frame(t, wire.Call{ID: 1, Request: server.Inspect{}})))
	await(t, func() bool { return n.waiting() == 1 })
	n.answer(granted, wire.Address{})
	closed := make(chan struct{})
	go func() { clients.Close(within(t)); close(closed) }()
	got, err := stream.Recv()
	require.NoError(t, err)
	require.Equal(t, uint64(7), got.GetReplies()[0].GetResult().GetToken())
	_, err = stream.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err))
	<-closed
}

func TestAUnaryCallerWhoGivesUpIsHungUp(t *testing.T) {
	n, _, connection := serve(t)
	ctx, hangup := context.WithCancel(within(t))
	ended := make(chan error, 1)
	go func() {
		_, err := lockdv1.NewLockdClient(connection).Acquire(ctx, &lockdv1.AcquireRequest{Name: "a"})
		ended <- err
	}()
	await(t, func() bool { return n.waiting() == 1 })
	hangup()
	require.Equal(t, codes.Canceled, status.Code(<-ended))
	await(t, func() bool { n.mutex.Lock(); defer n.mutex.Unlock(); return n.hungUp[n.calls[0].ID] })
}

func TestHealthFollowsTheLeaderAndReflectionIsOn(t *testing.T) {
	_, clients, connection := serve(t)
	health := grpc_health_v1.NewHealthClient(connection)
	for _, serving := range []bool{false, true, false} {
		clients.SetServing(serving)
		answer, err := health.Check(within(t), &grpc_health_v1.HealthCheckRequest{Service: "lockd.v1.Lockd"})
		require.NoError(t, err)
		require.Equal(t, serving, answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING)
	}
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	reflection, err := grpc_reflection_v1.NewServerReflectionClient(connection).ServerReflectionInfo(ctx)
	require.NoError(t, err)
	require.NoError(t, reflection.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{}}))
	listed, err := reflection.Recv()
	require.NoError(t, err)
	require.Contains(t, listed.String(), "lockd.v1.Lockd")
}

func TestAFrameOfMoreCallsThanItMayHoldEndsItsStream(t *testing.T) {
	n, _, connection := serve(t)
	stream, err := lockdv1.NewLockdClient(connection).Connect(within(t))
	require.NoError(t, err)
	require.NoError(t, stream.Send(&lockdv1.ClientFrame{Calls: make([]*lockdv1.Call, transport.MaxFrameCalls+1)}))
	_, err = stream.Recv()
	require.Equal(t, codes.InvalidArgument, status.Code(err), err)
	require.Zero(t, n.waiting())
}

func TestAFullFrameOfTheLongestCallsIsTaken(t *testing.T) {
	acquire := lockfsm.Acquire{
		Request: lockfsm.Request{Session: math.MaxUint64, Sequence: math.MaxUint64},
		Name:    strings.Repeat("n", lockfsm.MaxName), Value: bytes.Repeat([]byte("v"), lockfsm.MaxValue), Wait: lockfsm.MaxWait - 1,
	}
	calls := make([]wire.Call, transport.MaxFrameCalls)
	for i := range calls {
		calls[i] = wire.Call{ID: math.MaxUint64, Request: acquire}
	}
	require.LessOrEqual(t, proto.Size(frame(t, calls...)), transport.MaxRequest)
}

func TestAHalfClosedStreamGetsEveryAnswerAndThenEnds(t *testing.T) {
	n, _, connection := serve(t)
	stream, err := lockdv1.NewLockdClient(connection).Connect(within(t))
	require.NoError(t, err)
	require.NoError(t, stream.Send(frame(t, wire.Call{ID: 1, Request: server.Inspect{}},
		wire.Call{ID: 2, Request: lockfsm.Acquire{Name: "a", Wait: lockfsm.Forever}})))
	require.NoError(t, stream.CloseSend())
	await(t, func() bool { return n.waiting() == 2 })
	for id := uint64(1); id <= 2; id++ {
		n.answer(granted, wire.Address{})
		got, err := stream.Recv()
		require.NoError(t, err)
		require.Equal(t, id, got.GetReplies()[0].GetId())
	}
	_, err = stream.Recv()
	require.ErrorIs(t, err, io.EOF)
	require.Empty(t, n.hungUp)
}

func TestSilenceOnAConnectionHoldsNoEndUp(t *testing.T) {
	_, clients, connection := serve(t)
	silent, err := net.Dial("tcp", connection.Target())
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	closed := make(chan struct{})
	go func() { clients.Close(hurry); close(closed) }()
	require.NoError(t, silent.SetReadDeadline(time.Now().Add(4*time.Second))) // less than a greeting may take
	_, err = io.Copy(io.Discard, silent)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "it was closed")
	<-closed
}

// front puts HTTP before the clients, and returns where.
func front(t *testing.T, clients *transport.Clients) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	well := func(context.Context) error { return nil }
	front := transport.NewHTTP(transport.HTTPConfig{
		Listener: listener, Clients: clients, Metrics: http.NotFoundHandler(), Healthy: well, Ready: well, Logger: slog.Default(),
	})
	t.Cleanup(func() {
		hurry, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		require.NoError(t, front.Close(hurry), "whoever is cut off by the end is no error")
	})
	return listener.Addr().String()
}

func TestHTTPTakesALocksNameAsItIs(t *testing.T) {
	n, clients, _ := serve(t)
	base := "http://" + front(t, clients)
	for path, name := range map[string]string{
		"a//b": "a//b", "a%2F%2Fb": "a//b", "x/../y": "x/../y", ".": ".", "%2E%2E/z": "../z", "a/b/": "a/b/", "a/b": "a/b", "a%20b": "a b",
	} {
		request, err := http.NewRequestWithContext(within(t), http.MethodPost, base+"/v1/locks/"+path+"/acquire", strings.NewReader(`{"session":"2"}`))
		require.NoError(t, err)
		answered := make(chan *http.Response, 1)
		go func() {
			response, err := http.DefaultTransport.RoundTrip(request)
			if err == nil {
				_ = response.Body.Close()
			}
			answered <- response
		}()
		await(t, func() bool { return n.waiting() == 1 || len(answered) == 1 })
		require.Equal(t, 1, n.waiting(), path)
		require.Equal(t, name, n.calls[0].Request.(lockfsm.Acquire).Name)
		n.answer(granted, wire.Address{})
		require.Equal(t, http.StatusOK, (<-answered).StatusCode)
	}
}

func TestHTTPBoundsABody(t *testing.T) {
	_, clients, _ := serve(t)
	address := front(t, clients)
	response, err := http.Post("http://"+address+"/v1/sessions", "application/json", strings.NewReader(strings.Repeat(" ", 1<<20)))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)

	dribble, err := net.Dial("tcp", address) // and never more: the front's end does not wait for it
	require.NoError(t, err)
	t.Cleanup(func() { _ = dribble.Close() })
	_, err = io.WriteString(dribble, "POST /v1/sessions HTTP/1.1\r\nHost: lockd\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	require.NoError(t, err)
	_, err = dribble.Read(make([]byte, 1)) // it is told to go on: the handler waits for the body
	require.NoError(t, err)
}

func TestHTTPRedirectsToTheLeader(t *testing.T) {
	n, clients, _ := serve(t)
	address := front(t, clients)
	n.refuse = &server.Refusal{Reason: server.NotLeader, Leader: raft.ID(2)}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Post("http://"+address+"/v1/locks/a%2Fb/release?token=5", "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusTemporaryRedirect, response.StatusCode)
	require.Equal(t, "http://two:7402/v1/locks/a%2Fb/release?token=5", response.Header.Get("Location"))
	require.Equal(t, "application/json", response.Header.Get("Content-Type"))
}
