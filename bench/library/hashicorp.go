package library

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftwal "github.com/hashicorp/raft-wal"
)

// hashicorpRaft has loop and connections itself, and the log from its sister.
func hashicorpRaft() Library {
	return Library{
		Name: "hashicorp/raft", Module: "github.com/hashicorp/raft",
		Settings: "raft-wal behind a cache of 16,384 entries; BatchApplyCh, 1,024 entries an append, 2 appends in flight; FSM with ApplyBatch; no snapshots",
		Choices: []string{
			"raft-wal is its makers' log for speed; with BoltDB, its older one, it takes twice the processor time.",
			"BatchApplyCh, and 1,024 entries an append, which is the most it allows: without them it does not get faster with more than 64 in flight. " +
				"The price is that a timeout of Apply no longer bounds the wait, which nothing here needs.",
			"2 appends in flight, its default, is its makers' advice: more of them make batches smaller and latency worse.",
			"The cache holds what followers have yet to be sent, so that the leader does not read its log for them.",
		},
		start: startHashicorp,
	}
}

type hashicorpGroup struct {
	members    []*raft.Raft
	logs       []io.Closer
	transports []io.Closer
}

func startHashicorp(folders []string) (Group, error) {
	g := &hashicorpGroup{}
	var servers []raft.Server
	transports := make([]*raft.NetworkTransport, len(folders))
	for i := range folders {
		transport, err := raft.NewTCPTransportWithConfig("127.0.0.1:0", nil, &raft.NetworkTransportConfig{
			MaxPool: 3, Timeout: 10 * time.Second, Logger: hclog.NewNullLogger(),
		})
		if err != nil {
			return nil, err
		}
		transports[i] = transport
		g.transports = append(g.transports, transports[i])
		servers = append(servers, raft.Server{ID: raft.ServerID(fmt.Sprint(i + 1)), Address: transports[i].LocalAddr()})
	}
	for i, folder := range folders {
		if err := g.join(servers[i].ID, folder, transports[i], servers); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

func (g *hashicorpGroup) join(id raft.ServerID, folder string, transport raft.Transport, servers []raft.Server) error {
	log, err := raftwal.Open(folder)
	if err != nil {
		return err
	}
	g.logs = append(g.logs, log)
	cache, err := raft.NewLogCache(16384, log)
	if err != nil {
		return err
	}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(folder, 1, hclog.NewNullLogger())
	if err != nil {
		return err
	}
	c := raft.DefaultConfig()
	c.LocalID, c.Logger = id, hclog.NewNullLogger()
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = election, election, election
	c.BatchApplyCh, c.MaxAppendEntries, c.NoLegacyTelemetry = true, 1024, true
	c.SnapshotThreshold = 1 << 40
	if err := raft.BootstrapCluster(c, cache, log, snapshots, transport, raft.Configuration{Servers: servers}); err != nil {
		return err
	}
	member, err := raft.NewRaft(c, &hashicorpCounter{}, cache, log, snapshots, transport)
	if err != nil {
		return err
	}
	g.members = append(g.members, member)
	return nil
}

func (g *hashicorpGroup) Proposer() func([]byte) error {
	var leader *raft.Raft
	return func(command []byte) error {
		if leader == nil {
			for _, m := range g.members {
				if m.State() == raft.Leader {
					leader = m
				}
			}
			if leader == nil {
				return errNotLeader
			}
		}
		return leader.Apply(command, 5*time.Second).Error()
	}
}

func (g *hashicorpGroup) Close() error {
	var errs []error
	for _, m := range g.members {
		errs = append(errs, m.Shutdown().Error())
	}
	for _, c := range append(g.transports, g.logs...) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// hashicorpCounter is the state machine.
type hashicorpCounter struct{ count uint64 }

func (c *hashicorpCounter) Apply(*raft.Log) any { c.count++; return nil }
func (c *hashicorpCounter) ApplyBatch(logs []*raft.Log) []any {
	c.count += uint64(len(logs))
	return make([]any, len(logs))
}
func (c *hashicorpCounter) Snapshot() (raft.FSMSnapshot, error) { return nil, os.ErrInvalid }
func (c *hashicorpCounter) Restore(io.ReadCloser) error         { return os.ErrInvalid }
