package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// Bounds of what clients may send and get.
const (
	// MaxFrameCalls bounds the calls in one frame of a Connect stream. A frame with more ends its stream.
	MaxFrameCalls = 1024
	// MaxRequest bounds a message from a client, in bytes: a full frame of the longest calls, numbers included.
	MaxRequest = MaxFrameCalls * (lockfsm.MaxName + lockfsm.MaxValue + 128)
	// MaxResponse bounds a message to a client, in bytes. It is far above what is sent: the largest page, or chunk of a snapshot,
	// fits the 4 MiB that a Go client takes by default.
	MaxResponse = 16 << 20
	// MinPing is how often a client may ping an idle connection at most.
	MinPing = 5 * time.Second

	// streamWindow and connectionWindow are how many bytes a client may send that were not taken from its stream, or its connection. They
	// stay as they are: to estimate better ones, gRPC would ping the client at almost every frame, which costs as much as the frame.
	streamWindow, connectionWindow = 1 << 20, 4 << 20
	// maxStreams bounds the unary calls and Connect streams in flight on one connection. Further ones wait at the client.
	maxStreams = 4096
	// greetingTimeout bounds how long a connection may be open without having said that it speaks HTTP/2.
	greetingTimeout = 5 * time.Second
)

// Caller is whoever waits for the answer of one call.
type Caller interface {
	// Answer is called once, unless the call was hung up, by the goroutine that all calls wait
	// for: it must not block. Leader is where the member that a Refusal names can be reached.
	Answer(answer server.Answer, leader wire.Address)
	// Wake follows Answer, before that goroutine rests: what was answered to one stream until then goes out together.
	Wake()
}

// Call is a request on its way to the node.
type Call struct {
	ID      server.CallID // fresh for each call of this process
	Request server.Request
	Caller  Caller
}

// ClientsConfig sets up the gRPC service.
type ClientsConfig struct {
	Listener net.Listener
	TLS      *tls.Config // nil: in the clear
	// Call hands calls to the node, and keeps the slice. It may block while the node is busy, which holds the client up. Each
	// call gets one answer, even if the node has stopped.
	Call func([]Call)
	// Hangup tells the node that nobody waits for these answers any more.
	Hangup func([]server.CallID)
	// MaxStreamCalls bounds the calls in flight on one Connect stream; those beyond are refused as overloaded.
	MaxStreamCalls int
}

// Clients is the service lockd.v1. Make it with NewClients.
type Clients struct {
	lockdv1.UnimplementedLockdServer
	config  ClientsConfig
	taken   *accepted
	server  *grpc.Server
	health  *health.Server
	calls   atomic.Uint64 // numbers the calls
	streams atomic.Int64
	closed  sync.Once
	closing chan struct{}
	ended   chan struct{}
}

// NewClients begins to serve. Until SetServing it reports itself as not serving, but answers.
func NewClients(config ClientsConfig) *Clients {
	c := &Clients{
		config: config, taken: newAccepted(config.Listener), health: health.NewServer(),
		closing: make(chan struct{}), ended: make(chan struct{}),
	}
	c.server = grpc.NewServer(options(config.TLS)...)
	lockdv1.RegisterLockdServer(c.server, c)
	grpc_health_v1.RegisterHealthServer(c.server, c.health)
	reflection.Register(c.server)
	c.SetServing(false)
	go func() {
		defer close(c.ended)
		_ = c.server.Serve(c.taken) // it ends with Close only: a failed accept is retried within
	}()
	return c
}

func options(config *tls.Config) []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxRequest),
		grpc.MaxSendMsgSize(MaxResponse),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(greetingTimeout),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		// A second less than is promised: a client's timer and the network are not that exact.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: MinPing - time.Second, PermitWithoutStream: true}),
		// A client whose machine is gone says no goodbye. Its calls are hung up when it does not answer this.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
	}
	if config != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	return options
}

// SetServing tells the health service whether a call would find a leader by this node. After Withdraw it does nothing.
func (c *Clients) SetServing(serving bool) {
	state := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if serving {
		state = grpc_health_v1.HealthCheckResponse_SERVING
	}
	c.health.SetServingStatus("", state)
	c.health.SetServingStatus(lockdv1.Lockd_ServiceDesc.ServiceName, state)
}

// Withdraw makes the health service say from now on that this node does not serve. Calls are still taken.
func (c *Clients) Withdraw() { c.health.Shutdown() }

// Streams is how many Connect streams are open.
func (c *Clients) Streams() int { return int(c.streams.Load()) }

// Close sends the answers that the node has given, ends the streams and then the service. Whatever is still on
// its way when ctx ends is cut off, and so is a connection on which nothing was said yet.
func (c *Clients) Close(ctx context.Context) {
	c.closed.Do(func() {
		c.Withdraw()
		close(c.closing)
	})
	cut := context.AfterFunc(ctx, func() {
		c.taken.hangUp() // Stop alone waits for the first words on each connection
		c.server.Stop()
	})
	c.server.GracefulStop()
	cut()
	<-c.ended
}

func (c *Clients) nextCall() server.CallID { return server.CallID(c.calls.Add(1)) }

// single waits for the answer of one unary call.
type single chan answered

type answered struct {
	answer server.Answer
	leader wire.Address
}

func (s single) Answer(answer server.Answer, leader wire.Address) { s <- answered{answer, leader} }
func (s single) Wake()                                            {}

// ask makes a call and waits for its answer, or until its caller gives up.
func (c *Clients) ask(ctx context.Context, message proto.Message) (answered, error) {
	request, err := wire.RequestFromProto(message)
	if invalid := new(wire.InvalidRequest); errors.As(err, &invalid) {
		return answered{answer: invalid.Refusal()}, nil
	}
	answer := make(single, 1)
	call := Call{ID: c.nextCall(), Request: request, Caller: answer}
	c.config.Call([]Call{call})
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
		c.config.Hangup([]server.CallID{call.ID})
		return answered{}, status.FromContextError(ctx.Err()).Err()
	}
}

// unary is a whole unary call.
func unary[Response proto.Message](ctx context.Context, c *Clients, message proto.Message) (Response, error) {
	a, err := c.ask(ctx, message)
	if err != nil {
		var none Response
		return none, err
	}
	return wire.Response[Response](a.answer, a.leader)
}

// OpenSession begins a session.
func (c *Clients) OpenSession(ctx context.Context, m *lockdv1.OpenSessionRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, c, m)
}

// RenewSession gives a session its full TTL again.
func (c *Clients) RenewSession(ctx context.Context, m *lockdv1.RenewSessionRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, c, m)
}

// CloseSession ends a session.
func (c *Clients) CloseSession(ctx context.Context, m *lockdv1.CloseSessionRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, c, m)
}

// Acquire asks for a lock.
func (c *Clients) Acquire(ctx context.Context, m *lockdv1.AcquireRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, c, m)
}

// Release gives a lock back.
func (c *Clients) Release(ctx context.Context, m *lockdv1.ReleaseRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, c, m)
}

// Cancel takes an earlier Acquire back.
func (c *Clients) Cancel(ctx context.Context, m *lockdv1.CancelRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, c, m)
}

// Check asks whether a token is its lock's current one.
func (c *Clients) Check(ctx context.Context, m *lockdv1.CheckRequest) (*lockdv1.CheckResponse, error) {
	return unary[*lockdv1.CheckResponse](ctx, c, m)
}

// Show describes one lock.
func (c *Clients) Show(ctx context.Context, m *lockdv1.ShowRequest) (*lockdv1.ShowResponse, error) {
	return unary[*lockdv1.ShowResponse](ctx, c, m)
}

// List describes locks in order of their names.
func (c *Clients) List(ctx context.Context, m *lockdv1.ListRequest) (*lockdv1.ListResponse, error) {
	return unary[*lockdv1.ListResponse](ctx, c, m)
}

// ListSessions describes sessions in order of their numbers.
func (c *Clients) ListSessions(ctx context.Context, m *lockdv1.ListSessionsRequest) (*lockdv1.ListSessionsResponse, error) {
	return unary[*lockdv1.ListSessionsResponse](ctx, c, m)
}

// Status tells how this node sees itself and the cluster.
func (c *Clients) Status(ctx context.Context, m *lockdv1.StatusRequest) (*lockdv1.StatusResponse, error) {
	return unary[*lockdv1.StatusResponse](ctx, c, m)
}

// TransferLeader hands leadership to another member.
func (c *Clients) TransferLeader(ctx context.Context, m *lockdv1.TransferLeaderRequest) (*lockdv1.TransferLeaderResponse, error) {
	return unary[*lockdv1.TransferLeaderResponse](ctx, c, m)
}

// ChangeMembers adds, promotes and removes members.
func (c *Clients) ChangeMembers(ctx context.Context, m *lockdv1.ChangeMembersRequest) (*lockdv1.ChangeMembersResponse, error) {
	return unary[*lockdv1.ChangeMembersResponse](ctx, c, m)
}

// SaveSnapshot sends the state of all locks and sessions in chunks.
func (c *Clients) SaveSnapshot(m *lockdv1.SaveSnapshotRequest, stream grpc.ServerStreamingServer[lockdv1.SnapshotChunk]) error {
	a, err := c.ask(stream.Context(), m)
	if err != nil {
		return err
	}
	backup, is := a.answer.(server.BackedUp)
	if !is {
		_, err := wire.Response[*lockdv1.SnapshotChunk](a.answer, a.leader)
		return err
	}
	backup.Snapshot.Data = backup.Machine.Encode()
	for chunk := range wire.SnapshotChunks(backup) {
		if err := stream.Send(chunk); err != nil {
			return err
		}
	}
	return nil
}

// errStopping ends a stream whose node stops. The calls on it were answered.
var errStopping = status.Error(codes.Unavailable, "the node is shutting down")
