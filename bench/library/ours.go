package library

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/transport"
	"lockd/wal"
	"lockd/wire"
)

var (
	errClosed    = errors.New("the group is closed")
	errNotLeader = errors.New("the member does not lead")
)

// ours is package raft with our log, our connections, and a loop like the daemon's.
func ours() Library {
	return Library{
		Name: "lockd/raft", Module: "lockd",
		Settings: "raft, wal and transport with the daemon's bounds; a snapshot each 8 MiB of log",
		Choices: []string{
			"The loop is written as the daemon's: a goroutine writes and syncs while the loop goes on. The machine counts, as everybody's here.",
			"Snapshots are taken as in the daemon, though the others take none: the log is to stay as short as it is in service.",
		},
		start: startOurs,
	}
}

type ourGroup struct{ members []*ourMember }

var cluster = wal.ClusterID{1}

func startOurs(folders []string) (Group, error) {
	listeners := make([]net.Listener, len(folders))
	addresses := map[raft.ID]string{}
	var membership raft.Membership
	for i := range folders {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		id := raft.ID(i + 1)
		listeners[i], addresses[id] = listener, listener.Addr().String()
		membership.Members = append(membership.Members, raft.Member{ID: id, Incarnation: uint64(id)})
	}
	g := &ourGroup{}
	for i, folder := range folders {
		m, err := startOurMember(raft.ID(i+1), folder, membership, listeners[i], addresses)
		if err != nil {
			return nil, errors.Join(err, g.Close())
		}
		g.members = append(g.members, m)
	}
	return g, nil
}

// Proposer asks whoever leads.
func (g *ourGroup) Proposer() func([]byte) error {
	return proposer(func(p proposal) bool {
		for _, m := range g.members {
			if m.leads.Load() {
				return m.inbox.post(p)
			}
		}
		p.done <- errNotLeader
		return true
	})
}

func (g *ourGroup) Close() error {
	var errs []error
	for _, m := range g.members {
		errs = append(errs, m.close())
	}
	return errors.Join(errs...)
}

// snapshotBytes is how much log gathers before the member takes a snapshot, as in the daemon.
const snapshotBytes = 8 << 20

// ourMember is one node, with what the daemon puts around it.
type ourMember struct {
	node  *raft.Node
	log   *wal.Log
	peers *transport.Peers
	inbox *inbox[any] // a proposal, or a raft.Input
	disk  *inbox[raft.Record]
	leads atomic.Bool
	work  sync.WaitGroup
	errs  chan error // of the disk; it has room for those who write

	// The loop's own.
	began     time.Time
	output    raft.Output
	open      map[raft.Index]chan error
	applied   raft.Index
	unsnapped int
	snapping  bool
}

func startOurMember(id raft.ID, folder string, membership raft.Membership, listener net.Listener, addresses map[raft.ID]string) (*ourMember, error) {
	log, _, err := wal.Open(wal.OS(folder), wal.Options{Member: id, Incarnation: uint64(id)})
	if err != nil {
		return nil, err
	}
	stored, err := log.Form(cluster, membership)
	if err != nil {
		return nil, err
	}
	m := &ourMember{
		log: log, inbox: newInbox[any](), disk: newInbox[raft.Record](), began: time.Now(), open: map[raft.Index]chan error{},
		applied: stored.Snapshot.Index, errs: make(chan error, 2),
	}
	m.node = raft.New(raft.Config{
		ID: id, Incarnation: uint64(id), ElectionTimeout: election, Heartbeat: heartbeat, Drift: 1000, Random: rand.NewPCG(uint64(id), 1),
		MaxAppendBytes: 1 << 20, MaxInflight: 256, MaxInflightBytes: 8 << 20, MinInflightBytes: 64 << 10,
		MaxUncommittedBytes: 16 << 20, ChunkBytes: 256 << 10, ChunkPause: 4 * time.Millisecond, KeepBytes: 8 << 20,
	}, stored, 0)
	m.peers = m.connect(id, membership, listener, addresses)
	m.work.Go(m.run)
	m.work.Go(func() { m.heed(m.save()) })
	return m, nil
}

// connect opens the connections to the others, as the daemon does.
func (m *ourMember) connect(id raft.ID, membership raft.Membership, listener net.Listener, addresses map[raft.ID]string) *transport.Peers {
	peers := transport.NewPeers(transport.PeersConfig{
		Self: id, Listener: listener, Addresses: addresses,
		Hello: func(to raft.ID) wire.Hello {
			return wire.Hello{Cluster: cluster, From: id, To: to, Incarnation: uint64(id), Membership: membership,
				Supports: lockfsm.Newest, Version: lockfsm.Newest}
		},
		Judge: func(wire.Hello) error { return nil },
		Deliver: func(envelopes []raft.Envelope) {
			events := make([]any, len(envelopes))
			for i := range envelopes {
				events[i] = raft.Receive{Envelope: envelopes[i]}
			}
			m.inbox.post(events...)
		},
		Lost:     func(member raft.ID) { m.inbox.post(raft.Unreachable{Member: member}) },
		Closed:   func(member raft.ID) { m.inbox.post(raft.Closed{Member: member}) },
		Patience: 4 * election, Supports: lockfsm.Newest, Logger: slog.New(slog.DiscardHandler),
	})
	peers.Speak(lockfsm.Newest)
	return peers
}

func (m *ourMember) close() error {
	m.inbox.close()
	m.disk.close()
	m.work.Wait()
	close(m.errs)
	errs := []error{m.peers.Close(), m.log.Close()}
	for err := range m.errs {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// heed ends the member if its disk has failed, so that whoever waits for it is answered.
func (m *ourMember) heed(err error) {
	if err != nil {
		m.inbox.close()
		select {
		case m.errs <- err:
		default: // the first ones say enough
		}
	}
}

// run is the loop: any number of steps, one drain.
func (m *ourMember) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var events []any
	for {
		var open bool
		if events, open = m.inbox.take(events); !open {
			m.farewell(events)
			return
		}
		now := time.Since(m.began)
		due := now >= m.node.Deadline()
		if len(events) == 0 && !due {
			timer.Reset(m.node.Deadline() - now)
			select {
			case <-m.inbox.wake:
			case <-timer.C:
			}
			continue
		}
		for _, e := range events {
			m.step(now, e)
		}
		clear(events)
		if due {
			m.node.Step(now, raft.Timeout{})
		}
		m.drain()
	}
}

func (m *ourMember) step(now time.Duration, event any) {
	switch e := event.(type) {
	case proposal:
		index, err := m.node.Propose(now, e.command)
		if err != nil {
			e.done <- err
			return
		}
		m.open[index] = e.done
	case raft.Snapshotted:
		m.snapping = false
		m.node.Step(now, e)
	case raft.Input:
		m.node.Step(now, e)
	}
}

func (m *ourMember) drain() {
	m.node.Drain(&m.output)
	if m.output.Record.Sequence != 0 {
		m.disk.post(m.output.Record)
	}
	if len(m.output.Send) > 0 {
		m.peers.Send(m.output.Send)
	}
	for i := range m.output.Commit {
		m.apply(&m.output.Commit[i])
	}
	leads := m.node.Role() == raft.Leader
	if m.leads.Swap(leads) && !leads {
		m.refuseOpen(errNotLeader)
	}
	if m.unsnapped >= snapshotBytes && !m.snapping && m.applied <= m.node.Covered() {
		m.snapshot()
	}
}

func (m *ourMember) apply(entry *raft.Entry) {
	m.applied = entry.Index
	m.unsnapped += len(entry.Data) + 64 // about what an entry takes beside its data
	if done, waits := m.open[entry.Index]; waits {
		delete(m.open, entry.Index)
		done <- nil
	}
}

// snapshot has the state made durable while the loop goes on: the index is all that there is of it.
func (m *ourMember) snapshot() {
	m.unsnapped, m.snapping = 0, true
	snapshot := m.node.SnapshotAt(m.applied)
	m.work.Go(func() {
		if err := m.log.SaveSnapshot(snapshot); err != nil {
			m.heed(err)
			return
		}
		m.inbox.post(raft.Snapshotted{Snapshot: snapshot})
	})
}

// save makes records durable, many with one sync.
func (m *ourMember) save() error {
	var records []raft.Record
	for {
		var open bool
		if records, open = m.disk.take(records); !open {
			return nil
		}
		if len(records) == 0 {
			<-m.disk.wake
			continue
		}
		for i := range records {
			if err := m.log.Append(records[i]); err != nil {
				return err
			}
		}
		if err := m.log.Sync(); err != nil {
			return err
		}
		m.inbox.post(raft.Persisted{Sequence: records[len(records)-1].Sequence})
		clear(records)
		if err := m.log.Prepare(); err != nil {
			return err
		}
	}
}

func (m *ourMember) farewell(events []any) {
	for _, e := range events {
		if p, is := e.(proposal); is {
			p.done <- errClosed
		}
	}
	m.refuseOpen(errClosed)
}

func (m *ourMember) refuseOpen(err error) {
	for index, done := range m.open {
		delete(m.open, index)
		done <- err
	}
}
