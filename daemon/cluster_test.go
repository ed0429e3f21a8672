package daemon_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"lockd/daemon"
	"lockd/raft"
	"lockd/wire/lockdv1"
)

// patience bounds every wait: far longer than anything takes, so that a busy machine fails no test.
const patience = 20 * time.Second

// logbook is a log that tests read.
type logbook struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// cluster is some daemons in this process.
type cluster struct {
	t       testing.TB
	members map[raft.ID]string
	configs map[raft.ID]daemon.Config
	nodes   map[raft.ID]*daemon.Daemon
	logs    map[raft.ID]*logbook
	clients map[raft.ID]lockdv1.LockdClient
	health  map[raft.ID]grpc_health_v1.HealthClient
}

// newCluster prepares members 1 to size, and starts none.
func newCluster(t testing.TB, size int) *cluster {
	c := &cluster{
		t: t, members: map[raft.ID]string{}, configs: map[raft.ID]daemon.Config{},
		nodes: map[raft.ID]*daemon.Daemon{}, logs: map[raft.ID]*logbook{}, clients: map[raft.ID]lockdv1.LockdClient{},
		health: map[raft.ID]grpc_health_v1.HealthClient{},
	}
	directory := t.TempDir()
	listeners := map[raft.ID]net.Listener{}
	for id := raft.ID(1); id <= raft.ID(size); id++ {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		listeners[id], c.members[id] = listener, listener.Addr().String()
	}
	for id, listener := range listeners {
		c.logs[id] = &logbook{}
		c.configs[id] = daemon.Config{
			Member: id, Members: c.members, Directory: filepath.Join(directory, string('0'+rune(id))),
			PeerListener: listener, ClientAddress: "127.0.0.1:0", HTTPAddress: "127.0.0.1:0",
			Limits: daemon.Limits{SegmentBytes: 256 << 10},
			Logger: slog.New(slog.NewTextHandler(c.logs[id], nil)),
		}
	}
	t.Cleanup(func() {
		for id := range c.nodes {
			c.stop(id)
		}
		if t.Failed() {
			for id, log := range c.logs {
				t.Logf("member %d:\n%s", id, log)
			}
		}
	})
	return c
}

// startCluster starts all members and waits until each is ready.
func startCluster(t testing.TB, size int) *cluster {
	c := newCluster(t, size)
	for id := range c.members {
		c.start(id)
	}
	for id := range c.members {
		c.awaitReady(id)
	}
	return c
}

func (c *cluster) start(id raft.ID) {
	node, err := daemon.Start(c.configs[id])
	require.NoError(c.t, err)
	c.nodes[id] = node
	// The next start takes the same ports again.
	config := c.configs[id]
	config.PeerListener, config.ClientAddress, config.HTTPAddress = nil, node.ClientAddress(), node.HTTPAddress()
	c.configs[id] = config
	connection, err := grpc.NewClient(node.ClientAddress(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = connection.Close() })
	c.clients[id] = lockdv1.NewLockdClient(connection)
	c.health[id] = grpc_health_v1.NewHealthClient(connection)
}

func (c *cluster) stop(id raft.ID) {
	node := c.nodes[id]
	if node == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(c.t, node.Stop(ctx))
	delete(c.nodes, id)
}

// wipe removes the data of a member that does not run.
func (c *cluster) wipe(id raft.ID) { require.NoError(c.t, os.RemoveAll(c.configs[id].Directory)) }

func (c *cluster) awaitReady(id raft.ID) {
	await(c.t, func() bool { return c.nodes[id].Ready(context.Background()) == nil })
}

func (c *cluster) awaitLog(id raft.ID, text string) {
	c.t.Helper()
	await(c.t, func() bool { return strings.Contains(c.logs[id].String(), text) })
}

// leader waits until one of the running members says that it leads.
func (c *cluster) leader() (leader raft.ID) {
	c.t.Helper()
	await(c.t, func() bool {
		for id := range c.nodes {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			status, err := c.clients[id].Status(ctx, &lockdv1.StatusRequest{})
			cancel()
			if err == nil && status.GetRole() == lockdv1.StatusResponse_LEADER {
				leader = id
				return true
			}
		}
		return false
	})
	return leader
}

func (c *cluster) follower() raft.ID {
	leader := c.leader()
	for id := range c.nodes {
		if id != leader {
			return id
		}
	}
	c.t.Fatal("there is no follower")
	return 0
}

// await waits for a condition.
func await(t testing.TB, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond)
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// serving asks the health service of a member.
func (c *cluster) serving(id raft.ID) bool {
	answer, err := c.health[id].Check(within(c.t), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(c.t, err)
	return answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING
}
