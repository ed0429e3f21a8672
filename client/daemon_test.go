package client_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/client"
	"lockd/daemon"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
)

// startNodes starts three nodes, as they run in production, and returns them by their endpoints.
func startNodes(t *testing.T) map[string]*daemon.Daemon {
	directory := t.TempDir()
	members := make(map[raft.ID]string)
	listeners := make(map[raft.ID]net.Listener)
	for id := raft.ID(1); id <= 3; id++ {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		listeners[id], members[id] = listener, listener.Addr().String()
	}
	nodes := make(map[string]*daemon.Daemon)
	for id, listener := range listeners {
		node, err := daemon.Start(daemon.Config{
			Member: id, Members: members, Directory: filepath.Join(directory, strconv.Itoa(int(id))),
			PeerListener: listener, ClientAddress: "127.0.0.1:0",
			Limits: daemon.Limits{SegmentBytes: 256 << 10}, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		nodes[node.ClientAddress()] = node
		t.Cleanup(func() { _ = node.Stop(within(t)) })
	}
	return nodes
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestWithRealNodes does the main job against daemons: locks pass on while leaders come and go.
func TestWithRealNodes(t *testing.T) {
	nodes := startNodes(t)
	var endpoints []string
	for address := range nodes {
		endpoints = append(endpoints, address)
	}
	c, err := client.New(endpoints)
	require.NoError(t, err)
	defer c.Close()
	ctx := within(t)

	counter, highest := 0, uint64(0)
	var everybody sync.WaitGroup
	for range 4 {
		session, err := c.NewSession(ctx, 10*time.Second)
		require.NoError(t, err)
		everybody.Go(func() {
			mutex := session.Mutex("counter")
			for range 25 {
				if err := mutex.Lock(ctx); err != nil {
					t.Error(err)
					return
				}
				counter++
				if mutex.Token() <= highest {
					t.Error("a token fell")
				}
				highest = mutex.Token()
				if counter == 50 {
					stopLeader(t, c, nodes)
				}
				if err := mutex.Unlock(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	everybody.Wait()
	require.Equal(t, 100, counter)

	shown, err := c.Show(ctx, server.Show{Name: "counter"})
	require.NoError(t, err)
	require.Zero(t, shown.Lock.Token)
	var backup bytes.Buffer
	_, err = c.Backup(ctx, &backup)
	require.NoError(t, err)
	machine, err := lockfsm.Restore(backup.Bytes())
	require.NoError(t, err)
	require.EqualValues(t, highest, machine.Last())
}

func stopLeader(t *testing.T, c *client.Client, nodes map[string]*daemon.Daemon) {
	for address, node := range nodes {
		status, err := c.Status(within(t), address)
		if err == nil && status.Node.Role == raft.Leader {
			if err := node.Stop(within(t)); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("nobody leads")
}
