package library

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lni/dragonboat/v4"
	"github.com/lni/dragonboat/v4/client"
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/logger"
	"github.com/lni/dragonboat/v4/statemachine"
)

// dragonboatRaft has everything itself: loop, log and connections.
func dragonboatRaft() Library {
	return Library{
		Name: "dragonboat", Module: "github.com/lni/dragonboat/v4",
		Settings: "Pebble as the log, defaults of the engine, no-op sessions, no snapshots, pre-vote and quorum check",
		Choices: []string{
			"Pebble is its default; tan, its other log, was slower here at all numbers in flight (a single group leaves most of what tan shares idle).",
			"No-op sessions, which add nothing to a proposal: the others have no sessions either.",
			"Batching and pipelining are its own, as they are by default. A state machine that takes commands by the batch was no faster than a plain one.",
		},
		start: startDragonboat,
	}
}

const dragonboatShard = 1

type dragonboatGroup struct{ hosts []*dragonboat.NodeHost }

func startDragonboat(folders []string) (Group, error) {
	for _, part := range []string{"dragonboat", "raft", "rsm", "transport", "grpc", "logdb", "config", "settings", "order", "utils", "raftpb", "tan", "registry"} {
		logger.GetLogger(part).SetLevel(logger.CRITICAL)
	}
	listeners, err := listenAll(len(folders))
	if err != nil {
		return nil, err
	}
	addresses := map[uint64]dragonboat.Target{}
	for i, l := range listeners {
		addresses[uint64(i+1)] = l.Addr().String()
		_ = l.Close() // dragonboat opens its own
	}
	g := &dragonboatGroup{}
	for i, folder := range folders {
		if err := g.join(uint64(i+1), folder, addresses); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

func (g *dragonboatGroup) join(id uint64, folder string, addresses map[uint64]dragonboat.Target) error {
	host, err := dragonboat.NewNodeHost(config.NodeHostConfig{
		NodeHostDir: folder, RTTMillisecond: uint64(heartbeat.Milliseconds()), RaftAddress: addresses[id],
	})
	if err != nil {
		return err
	}
	g.hosts = append(g.hosts, host)
	return host.StartReplica(addresses, false, func(uint64, uint64) statemachine.IStateMachine { return &counter{} }, config.Config{
		ReplicaID: id, ShardID: dragonboatShard, ElectionRTT: uint64(election / heartbeat), HeartbeatRTT: 1, CheckQuorum: true, PreVote: true,
	})
}

func (g *dragonboatGroup) Proposer() func([]byte) error {
	var host *dragonboat.NodeHost
	var session *client.Session
	return func(command []byte) error {
		if host == nil {
			leader, _, known, err := g.hosts[0].GetLeaderID(dragonboatShard)
			if err != nil || !known || leader == 0 {
				return errors.Join(errNotLeader, err)
			}
			host = g.hosts[leader-1]
			session = host.GetNoOPSession(dragonboatShard)
		}
		request, err := host.Propose(session, command, 5*time.Second)
		if err != nil {
			return err
		}
		result := <-request.ResultC()
		defer request.Release()
		if !result.Completed() {
			return fmt.Errorf("the proposal came to nothing: %+v", result)
		}
		return nil
	}
}

func (g *dragonboatGroup) Close() error {
	for _, h := range g.hosts {
		h.Close()
	}
	return nil
}

// counter is the state machine.
type counter struct{ count uint64 }

func (c *counter) Update(statemachine.Entry) (statemachine.Result, error) {
	c.count++
	return statemachine.Result{}, nil
}
func (c *counter) Lookup(any) (any, error) { return c.count, nil }
func (c *counter) SaveSnapshot(io.Writer, statemachine.ISnapshotFileCollection, <-chan struct{}) error {
	return nil
}
func (c *counter) RecoverFromSnapshot(io.Reader, []statemachine.SnapshotFile, <-chan struct{}) error {
	return nil
}
func (c *counter) Close() error { return nil }
