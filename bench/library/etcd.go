package library

import (
	"errors"
	"slices"
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
		Settings: "RawNode with asynchronous storage writes and etcd's wal (server module 3.6), 1 MiB a message, 4,096 in flight, pre-vote and quorum check, framed TCP, no snapshots",
		Choices: []string{
			"The library has no loop, so it gets one as its makers write them: all that has come is stepped, all proposals go in as one message, one sync for all.",
			"Asynchronous storage writes: the leader takes in what its followers acknowledge while its own disk syncs (thesis §10.2.1). At 64 and 256 in flight that is half " +
				"as many commits again as with writes in the loop, as etcd itself has them.",
			"Proposals wait while the disk is at work, and go in as one batch then: let in at once they make batches so small that 256 in flight take twice the processor time.",
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
	inbox   *inbox[any]            // a proposal or a raftpb.Message
	disk    *inbox[raftpb.Message] // a MsgStorageAppend
	send    func([]raftpb.Message)
	leads   atomic.Bool
	work    sync.WaitGroup
	err     error

	// The loop's own.
	batch     []raftpb.Entry
	batched   []chan error
	outgoing  []raftpb.Message
	writing   int                   // appends with entries that the disk has not reported
	open      map[uint64]chan error // by index
	compacted uint64
}

func newEtcdMember(id uint64) *etcdMember {
	return &etcdMember{id: id, storage: raft.NewMemoryStorage(), inbox: newInbox[any](), disk: newInbox[raftpb.Message](), open: map[uint64]chan error{}}
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
		MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 4096, CheckQuorum: true, PreVote: true, AsyncStorageWrites: true, Logger: discard{},
	})
	if err != nil {
		return err
	}
	m.work.Go(m.run)
	m.work.Go(func() {
		if m.err = m.save(); m.err != nil {
			m.inbox.close() // so that whoever waits is answered
		}
	})
	return nil
}

func (m *etcdMember) close() error {
	m.inbox.close()
	m.disk.close()
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

func (m *etcdMember) run() {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	var events []any
	for {
		var open bool
		if events, open = m.inbox.take(events); !open {
			m.farewell(events)
			return
		}
		for _, e := range events {
			switch e := e.(type) {
			case proposal:
				m.batch, m.batched = append(m.batch, raftpb.Entry{Data: e.command}), append(m.batched, e.done)
			case raftpb.Message:
				if written(e) {
					m.writing--
				}
				_ = m.node.Step(e) // it refuses what comes from nobody it knows
			}
		}
		clear(events)
		m.propose()
		m.ready()
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

// propose hands all commands in at once, unless the disk is at work: then what comes meanwhile goes with the next batch. They get their indexes by
// that, unless they are refused or passed on to another leader, who would answer nobody here.
func (m *etcdMember) propose() {
	if len(m.batch) == 0 || m.writing > 0 {
		return
	}
	err := m.node.Step(raftpb.Message{Type: raftpb.MsgProp, From: m.id, Entries: m.batch})
	for i, done := range m.batched {
		switch index := m.batch[i].Index; {
		case err != nil:
			done <- err
		case index == 0:
			done <- errNotLeader
		default:
			m.open[index] = done
		}
	}
	m.batch, m.batched = nil, m.batched[:0]
}

// ready hands out what there is to do: to the disk, to the machine, which is here, and to the others.
func (m *etcdMember) ready() {
	for m.node.HasReady() {
		for _, message := range m.node.Ready().Messages {
			switch message.To {
			case raft.LocalAppendThread:
				if slices.ContainsFunc(message.Responses, written) {
					m.writing++
				}
				m.disk.post(message)
			case raft.LocalApplyThread:
				for i := range message.Entries {
					m.apply(&message.Entries[i])
				}
				m.respond(message.Responses)
			default:
				m.outgoing = append(m.outgoing, message)
			}
		}
		m.send(m.outgoing)
		clear(m.outgoing)
		m.outgoing = m.outgoing[:0]
		leads := m.node.BasicStatus().RaftState == raft.StateLeader
		if m.leads.Swap(leads) && !leads {
			m.refuseOpen(errNotLeader)
		}
	}
}

// written tells whether a message says that entries were.
func written(m raftpb.Message) bool { return m.Type == raftpb.MsgStorageAppendResp }

func (m *etcdMember) respond(messages []raftpb.Message) {
	for _, r := range messages {
		_ = m.node.Step(r) // its own message
	}
}

// save makes durable what is queued, with one sync, until it is closed.
func (m *etcdMember) save() error {
	var appends []raftpb.Message
	for {
		var open bool
		if appends, open = m.disk.take(appends); !open {
			return nil
		}
		if len(appends) == 0 {
			<-m.disk.wake
			continue
		}
		if err := m.saveAll(appends); err != nil {
			return err
		}
		clear(appends)
	}
}

// saveAll makes appends durable, and sends what rests on that.
func (m *etcdMember) saveAll(appends []raftpb.Message) error {
	var state raftpb.HardState
	var entries []raftpb.Entry
	for _, a := range appends {
		entries = append(entries, a.Entries...)
		if latest := (raftpb.HardState{Term: a.Term, Vote: a.Vote, Commit: a.Commit}); !raft.IsEmptyHardState(latest) {
			state = latest
		}
	}
	if err := m.log.Save(state, entries); err != nil {
		return err
	}
	var own []any
	var others []raftpb.Message
	for _, a := range appends {
		if err := m.storage.Append(a.Entries); err != nil {
			return err
		}
		for _, r := range a.Responses {
			if r.To == m.id {
				own = append(own, r)
			} else {
				others = append(others, r)
			}
		}
	}
	m.send(others)
	m.inbox.post(own...)
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
	for _, done := range m.batched {
		done <- errClosed
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
