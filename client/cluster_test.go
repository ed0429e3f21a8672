package client

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

const (
	patience = 10 * time.Second // until something that has to happen counts as not happening
	nobody   = -1
)

// cluster is a lock service without consensus: one lock machine behind several doors, of which one leads. Its time
// stands still unless a test moves it.
type cluster struct {
	t       *testing.T
	mutex   sync.Mutex
	machine *lockfsm.Machine
	index   uint64
	now     time.Duration
	waiting map[lockfsm.Place]func(server.Answer)
	members []*member
	leader  int
	// lose decides about a command that was carried out whether its answer is lost.
	lose     func(server.Request) bool
	commands []server.Request // that reached the leader
	refused  int              // requests, by who does not lead
}

// member is one door.
type member struct {
	lockdv1.UnimplementedLockdServer
	cluster *cluster
	number  int
	address string
	server  *grpc.Server
}

func newCluster(t *testing.T, size int) *cluster {
	c := &cluster{
		t:       t,
		machine: lockfsm.New(),
		waiting: make(map[lockfsm.Place]func(server.Answer)),
		lose:    func(server.Request) bool { return false },
	}
	for i := range size {
		m := &member{cluster: c, number: i, address: "127.0.0.1:0"}
		c.members = append(c.members, m)
		m.start()
		t.Cleanup(m.stop)
	}
	return c
}

func (m *member) start() {
	listener, err := net.Listen("tcp", m.address)
	require.NoError(m.cluster.t, err)
	m.address = listener.Addr().String()
	m.server = grpc.NewServer()
	lockdv1.RegisterLockdServer(m.server, m)
	go m.server.Serve(listener)
}

// stop breaks all connections.
func (m *member) stop() { m.server.Stop() }

func (c *cluster) endpoints() (addresses []string) {
	for _, m := range c.members {
		addresses = append(addresses, m.address)
	}
	return addresses
}

// client is a client of this cluster, on the machine's own clock unless an option says otherwise.
func (c *cluster) client(options ...Option) *Client {
	made, err := New(c.endpoints(), options...)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { made.Close() })
	return made
}

func (c *cluster) lead(leader int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.leader = leader
}

func (c *cluster) losing(lose func(server.Request) bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.lose = lose
}

// ask carries a request out, or refuses it. The answer may come later.
func (c *cluster) ask(at int, request server.Request, answer func(server.Answer, wire.Address)) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if _, always := request.(server.Inspect); always {
		answer(server.Inspected{}, wire.Address{})
		return
	}
	if at != c.leader {
		c.refused++
		address := wire.Address{}
		if c.leader != nobody {
			address.Client = c.members[c.leader].address
		}
		answer(server.Refusal{Reason: server.NotLeader}, address)
		return
	}
	c.commands = append(c.commands, request)
	reply := func(a server.Answer) { answer(a, wire.Address{}) }
	if c.lose(request) {
		reply = func(server.Answer) {}
	}
	if command, is := request.(lockfsm.Command); is {
		c.apply(command, reply)
		return
	}
	reply(c.query(request))
}

func (c *cluster) apply(command lockfsm.Command, reply func(server.Answer)) {
	var applied lockfsm.Applied
	c.index++
	require.NoError(c.t, c.machine.Apply(c.index, c.now, lockfsm.Oldest.Encode(nil, command), &applied))
	for _, settled := range applied.Settled {
		if waiter := c.waiting[settled.Place]; waiter != nil {
			waiter(settled.Result)
		}
		delete(c.waiting, settled.Place)
	}
	switch {
	case len(applied.Renewals) > 0:
		reply(lockfsm.Result{Status: applied.Renewals[0].Status, Session: applied.Renewals[0].Session})
	case applied.Result.Status == lockfsm.Waiting:
		c.waiting[applied.Result.Place] = reply
	default:
		reply(applied.Result)
	}
}

func (c *cluster) query(request server.Request) server.Answer {
	switch r := request.(type) {
	case server.Check:
		current := c.machine.Current(r.Name)
		return server.Checked{Valid: r.Token != 0 && current == r.Token, Current: current}
	case server.Show:
		return server.Shown{Lock: c.machine.Lock(r.Name), Waiters: c.machine.Waiters(r.Name, r.After, 100)}
	case server.List:
		locks, more := c.machine.Locks(r.Prefix, r.After, 100)
		return server.Listed{Locks: locks, More: more}
	case server.Sessions:
		sessions, more := c.machine.Sessions(r.After, 100)
		return server.SessionsListed{Sessions: sessions, More: more}
	case server.ChangeMembers:
		return server.MembersChanged{Membership: raft.Membership{Learners: r.Add}}
	case server.Transfer:
		return server.Transferred{Leader: r.To}
	}
	return server.Refusal{Reason: server.Invalid}
}

// advance lets time go by at the servers. Sessions whose time is up end.
func (c *cluster) advance(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now += by
	c.apply(lockfsm.Clock{}, func(server.Answer) {})
	if due := c.machine.Due(nil, c.now, 1000); len(due) > 0 {
		c.apply(lockfsm.Expire{Sessions: due}, func(server.Answer) {})
	}
}

// until waits for the lock machine to be as a test expects.
func (c *cluster) until(what string, holds func(*lockfsm.Machine) bool) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		return holds(c.machine)
	}, patience, time.Millisecond, what)
}

// count is how many commands of a kind have reached the leader.
func count[Command lockfsm.Command](c *cluster) (n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, request := range c.commands {
		if _, is := request.(Command); is {
			n++
		}
	}
	return n
}

// Connect answers the calls of a stream.
func (m *member) Connect(stream grpc.BidiStreamingServer[lockdv1.ClientFrame, lockdv1.ServerFrame]) error {
	var sending sync.Mutex
	send := func(replies ...wire.Reply) {
		sending.Lock()
		defer sending.Unlock()
		_ = stream.Send(wire.RepliesToProto(replies)) // to a client that may be gone
	}
	for {
		frame, err := stream.Recv()
		if err != nil {
			return nil
		}
		calls, refused := wire.CallsFromProto(frame)
		send(refused...)
		for _, call := range calls {
			m.cluster.ask(m.number, call.Request, func(answer server.Answer, leader wire.Address) {
				send(wire.Reply{ID: call.ID, Answer: answer, Leader: leader})
			})
		}
	}
}

func unary[Response proto.Message](ctx context.Context, m *member, message proto.Message) (Response, error) {
	type answered struct {
		answer server.Answer
		leader wire.Address
	}
	request, err := wire.RequestFromProto(message)
	require.NoError(m.cluster.t, err)
	answers := make(chan answered, 1)
	m.cluster.ask(m.number, request, func(answer server.Answer, leader wire.Address) { answers <- answered{answer, leader} })
	select {
	case a := <-answers:
		return wire.Response[Response](a.answer, a.leader)
	case <-ctx.Done():
		var none Response
		return none, status.FromContextError(ctx.Err()).Err()
	}
}

func (m *member) RenewSession(ctx context.Context, r *lockdv1.RenewSessionRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, m, r)
}

func (m *member) CloseSession(ctx context.Context, r *lockdv1.CloseSessionRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, m, r)
}

func (m *member) Release(ctx context.Context, r *lockdv1.ReleaseRequest) (*lockdv1.Result, error) {
	return unary[*lockdv1.Result](ctx, m, r)
}

func (m *member) Check(ctx context.Context, r *lockdv1.CheckRequest) (*lockdv1.CheckResponse, error) {
	return unary[*lockdv1.CheckResponse](ctx, m, r)
}

func (m *member) Show(ctx context.Context, r *lockdv1.ShowRequest) (*lockdv1.ShowResponse, error) {
	return unary[*lockdv1.ShowResponse](ctx, m, r)
}

func (m *member) List(ctx context.Context, r *lockdv1.ListRequest) (*lockdv1.ListResponse, error) {
	return unary[*lockdv1.ListResponse](ctx, m, r)
}

func (m *member) ListSessions(ctx context.Context, r *lockdv1.ListSessionsRequest) (*lockdv1.ListSessionsResponse, error) {
	return unary[*lockdv1.ListSessionsResponse](ctx, m, r)
}

func (m *member) Status(ctx context.Context, r *lockdv1.StatusRequest) (*lockdv1.StatusResponse, error) {
	return unary[*lockdv1.StatusResponse](ctx, m, r)
}

func (m *member) ChangeMembers(ctx context.Context, r *lockdv1.ChangeMembersRequest) (*lockdv1.ChangeMembersResponse, error) {
	return unary[*lockdv1.ChangeMembersResponse](ctx, m, r)
}

func (m *member) TransferLeader(ctx context.Context, r *lockdv1.TransferLeaderRequest) (*lockdv1.TransferLeaderResponse, error) {
	return unary[*lockdv1.TransferLeaderResponse](ctx, m, r)
}

func (m *member) SaveSnapshot(_ *lockdv1.SaveSnapshotRequest, stream grpc.ServerStreamingServer[lockdv1.SnapshotChunk]) error {
	c := m.cluster
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if m.number != c.leader {
		_, err := wire.Response[*lockdv1.Result](server.Refusal{Reason: server.NotLeader}, wire.Address{Client: c.members[c.leader].address})
		return err
	}
	backup := server.BackedUp{}
	backup.Snapshot.Data = c.machine.Snapshot().Encode()
	backup.Snapshot.Index++
	for chunk := range wire.SnapshotChunks(backup) {
		if err := stream.Send(chunk); err != nil {
			return status.Error(codes.Unavailable, err.Error())
		}
	}
	return nil
}
