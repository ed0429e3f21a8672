package library

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
)

// etcdRaft is etcd's core with etcd's log. The loop and the connections are ours, because the library has none.
func etcdRaft() Library {
	return Library{
		Name: "etcd-io/raft", Module: "go.etcd.io/raft/v3",
		Settings: "RawNode with etcd's wal (server module 3.6), 1 MiB a message, 4,096 in flight, pre-vote and quorum check, framed TCP, no snapshots",
		Choices: []string{
			"The library has no loop, so it gets one as its makers write them: all that has come is stepped, all proposals go in as one message, one sync for all.",
			"The leader sends before it saves (thesis §10.2.1), as in etcd. What a follower answers waits for its disk.",
			"Its asynchronous storage writes are not used: nor does etcd itself, and with one group there is no other work for the loop while the disk syncs.",
			"It has no connections, so it gets framed TCP, with many messages in one write: less than etcd's own HTTP would cost.",
		},
		start: startEtcd,
	}
}

type etcdGroup struct {
	members  []*etcdMember
	networks []*network
}

func startEtcd(folders []string) (Group, error) {
	g := &etcdGroup{}
	listeners, err := listenAll(len(folders))
	if err != nil {
		return nil, err
	}
	for i := range folders {
		m := newEtcdMember(uint64(i + 1))
		g.members = append(g.members, m)
		g.networks = append(g.networks, newNetwork(listeners, i, m.receive))
		m.send = g.networks[i].send
	}
	for i, m := range g.members {
		if err := m.start(folders[i], len(folders)); err != nil {
			return nil, errors.Join(err, g.Close())
		}
	}
	return g, nil
}

func (g *etcdGroup) Proposer() func([]byte) error {
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

func (g *etcdGroup) Close() error {
	var errs []error
	for _, m := range g.members {
		errs = append(errs, m.close())
	}
	for _, n := range g.networks {
		n.close()
	}
	return errors.Join(errs...)
}

type etcdMember struct {
	id      uint64
	node    *raft.RawNode
	storage *raft.MemoryStorage
	log     *wal.WAL
	inbox   *inbox[any] // a proposal or a raftpb.Message
	send    func([]raftpb.Message)
	leads   atomic.Bool
	work    sync.WaitGroup
	err     error

	// The loop's own.
	batch     []raftpb.Entry
	batched   []chan error
	open      map[uint64]chan error // by index
	compacted uint64
}

func newEtcdMember(id uint64) *etcdMember {
	return &etcdMember{id: id, storage: raft.NewMemoryStorage(), inbox: newInbox[any](), open: map[uint64]chan error{}}
}

func (m *etcdMember) start(folder string, size int) (err error) {
	if m.log, err = wal.Create(zap.NewNop(), folder+"/wal", nil); err != nil {
		return err
	}
	voters := make([]uint64, size)
	for i := range voters {
		voters[i] = uint64(i + 1)
	}
	first := raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{ConfState: raftpb.ConfState{Voters: voters}, Index: 1, Term: 1}}
	if err := m.storage.ApplySnapshot(first); err != nil {
		return err
	}
	m.node, err = raft.NewRawNode(&raft.Config{
		ID: m.id, ElectionTick: int(election / heartbeat), HeartbeatTick: 1, Storage: m.storage, Applied: 1,
		MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 4096, CheckQuorum: true, PreVote: true, Logger: discard{},
	})
	if err != nil {
		return err
	}
	m.work.Go(func() {
		if m.err = m.run(); m.err != nil { // of the disk: whoever waits is answered
			m.inbox.close()
			events, _ := m.inbox.take(nil)
			m.farewell(events)
		}
	})
	return nil
}

func (m *etcdMember) close() error {
	m.inbox.close()
	m.work.Wait()
	if m.log == nil {
		return m.err
	}
	return errors.Join(m.err, m.log.Close())
}

func (m *etcdMember) receive(messages []raftpb.Message) {
	events := make([]any, len(messages))
	for i := range messages {
		events[i] = messages[i]
	}
	m.inbox.post(events...)
}

func (m *etcdMember) run() error {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	var events []any
	for {
		var open bool
		if events, open = m.inbox.take(events); !open {
			m.farewell(events)
			return nil
		}
		for _, e := range events {
			switch e := e.(type) {
			case proposal:
				m.batch, m.batched = append(m.batch, raftpb.Entry{Data: e.command}), append(m.batched, e.done)
			case raftpb.Message:
				_ = m.node.Step(e) // it refuses what comes from nobody it knows
			}
		}
		clear(events)
		m.propose()
		if err := m.ready(); err != nil {
			return err
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-m.inbox.wake:
		case <-ticker.C:
			m.node.Tick()
		}
	}
}

// propose hands all commands in at once.
func (m *etcdMember) propose() {
	if len(m.batch) == 0 {
		return
	}
	next := m.lastIndex() + 1
	err := m.node.Step(raftpb.Message{Type: raftpb.MsgProp, From: m.id, Entries: m.batch})
	if err == nil && m.node.BasicStatus().RaftState != raft.StateLeader {
		err = errNotLeader // it was forwarded, and nobody would answer it
	}
	for i, done := range m.batched {
		if err != nil {
			done <- err
		} else {
			m.open[next+uint64(i)] = done
		}
	}
	m.batch, m.batched = nil, m.batched[:0]
}

// lastIndex is where the log ends: all that was proposed has gone through ready since.
func (m *etcdMember) lastIndex() uint64 {
	last, _ := m.storage.LastIndex() // it never fails
	return last
}

func (m *etcdMember) ready() error {
	for m.node.HasReady() {
		ready := m.node.Ready()
		leads := m.node.BasicStatus().RaftState == raft.StateLeader
		if leads {
			m.send(ready.Messages)
		}
		if err := m.log.Save(ready.HardState, ready.Entries); err != nil {
			return err
		}
		if err := m.storage.Append(ready.Entries); err != nil {
			return err
		}
		if !leads {
			m.send(ready.Messages)
		}
		for i := range ready.CommittedEntries {
			m.apply(&ready.CommittedEntries[i])
		}
		m.node.Advance(ready)
		if m.leads.Swap(leads) && !leads {
			m.refuseOpen(errNotLeader)
		}
	}
	return nil
}

// apply counts, and lets the log in memory forget what is long past.
func (m *etcdMember) apply(entry *raftpb.Entry) {
	const kept = 50_000
	if done, waits := m.open[entry.Index]; waits {
		delete(m.open, entry.Index)
		done <- nil
	}
	if entry.Index > m.compacted+2*kept {
		m.compacted = entry.Index - kept
		_ = m.storage.Compact(m.compacted) // it fails for what was compacted before
	}
}

func (m *etcdMember) farewell(events []any) {
	for _, e := range events {
		if p, is := e.(proposal); is {
			p.done <- errClosed
		}
	}
	m.refuseOpen(errClosed)
}

func (m *etcdMember) refuseOpen(err error) {
	for index, done := range m.open {
		delete(m.open, index)
		done <- err
	}
}

// discard is a logger that says nothing, and ends the program where raft's makers want it to end.
type discard struct{}

func (discard) Debug(...any)            {}
func (discard) Debugf(string, ...any)   {}
func (discard) Error(...any)            {}
func (discard) Errorf(string, ...any)   {}
func (discard) Info(...any)             {}
func (discard) Infof(string, ...any)    {}
func (discard) Warning(...any)          {}
func (discard) Warningf(string, ...any) {}
func (discard) Fatal(v ...any)          { panic(v) }
func (discard) Fatalf(f string, v ...any) {
	panic(f)
}
func (discard) Panic(v ...any)            { panic(v) }
func (discard) Panicf(f string, v ...any) { panic(f) }
