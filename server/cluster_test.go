package server

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
)

const (
	electionTimeout = 300 * time.Millisecond
	heartbeat       = 50 * time.Millisecond
)

// cluster is a few servers with disks that are always at once durable and a network without delay, on one
// virtual clock. What goes wrong in a test, the test does by hand.
type cluster struct {
	t       *testing.T
	now     time.Duration
	members []*member
	next    CallID
	answers map[CallID]Answer
}

type member struct {
	id       raft.ID
	server   *Server
	cut      bool // nothing goes in or out
	frozen   bool // it does not run, and what is sent to it waits
	inbox    []Input
	slow     bool // its disk writes, and is never done
	snapshot *Snapshotting
	entries  int    // that went to its disk
	written  uint64 // the last record that did
	outdated error  // why it stopped
}

func serverConfig(id raft.ID) Config {
	return Config{
		Raft: raft.Config{
			ID: id, Incarnation: uint64(id), ElectionTimeout: electionTimeout, Heartbeat: heartbeat, Drift: 1000, Random: rand.NewPCG(uint64(id), 1),
			MaxAppendBytes: 1 << 16, MaxInflight: 64, MaxInflightBytes: 1 << 20, MinInflightBytes: 1 << 12, MaxUncommittedBytes: 1 << 20, ChunkBytes: 1 << 10,
		},
		Version: lockfsm.Newest, SnapshotBytes: 1 << 20, MaxCalls: 1000, ClockInterval: time.Second,
	}
}

func founding(size int) raft.Stored {
	snapshot := raft.Snapshot{Index: 1, Term: 1}
	for id := 1; id <= size; id++ {
		snapshot.Membership.Members = append(snapshot.Membership.Members, raft.Member{ID: raft.ID(id), Incarnation: uint64(id)})
	}
	return raft.Stored{Term: 1, Snapshot: snapshot}
}

// newCluster makes a cluster and waits for its first leader, and for the version that all support.
func newCluster(t *testing.T, size int, change ...func(*Config)) *cluster {
	c := &cluster{t: t, answers: map[CallID]Answer{}}
	for id := raft.ID(1); id <= raft.ID(size); id++ {
		config := serverConfig(id)
		for _, change := range change {
			change(&config)
		}
		server, err := New(config, founding(size), 0)
		require.NoError(t, err)
		c.members = append(c.members, &member{id: id, server: server})
	}
	c.until(func() bool { return c.leader() != nil && c.inForce(c.common()) })
	return c
}

// common is the highest version that all members support.
func (c *cluster) common() lockfsm.Version {
	lowest := lockfsm.Newest
	for _, m := range c.members {
		lowest = min(lowest, m.server.config.Version)
	}
	return lowest
}

// inForce tells whether a version is in force at every member.
func (c *cluster) inForce(v lockfsm.Version) bool {
	return !slices.ContainsFunc(c.members, func(m *member) bool { return m.server.machine.Version() != v })
}

// leader is the running leader of the highest term that is not cut off.
func (c *cluster) leader() (found *member) {
	for _, m := range c.members {
		if !m.cut && !m.frozen && m.server.leads() && (found == nil || found.server.node.Term() < m.server.node.Term()) {
			found = m
		}
	}
	return found
}

func (c *cluster) followers() []*member {
	leader := c.leader()
	return slices.DeleteFunc(slices.Clone(c.members), func(m *member) bool { return m == leader })
}

// settle lets everything happen that needs no time.
func (c *cluster) settle() {
	for busy := true; busy; {
		busy = false
		for _, m := range c.members {
			if len(m.inbox) > 0 && !m.frozen {
				busy = true
				c.run(m)
			}
		}
	}
}

// run hands a member what is in its inbox, and carries out what it wants done.
func (c *cluster) run(m *member) {
	inbox := m.inbox
	m.inbox = nil
	for _, input := range inbox {
		m.server.Step(c.now, input)
	}
	var out Output
	m.server.Drain(&out)
	m.outdated = out.Outdated
	if out.Record.Sequence != 0 {
		m.entries += len(out.Record.Entries)
		m.written = out.Record.Sequence
		if !m.slow {
			m.inbox = append(m.inbox, raft.Persisted{Sequence: m.written})
		}
	}
	for _, envelope := range out.Send {
		if to := c.members[envelope.To-1]; !m.cut && !to.cut {
			to.inbox = append(to.inbox, raft.Receive{Envelope: envelope})
		}
	}
	for _, reply := range out.Replies {
		require.NotContains(c.t, c.answers, reply.Call, "a call is answered twice")
		c.answers[reply.Call] = reply.Answer
	}
	if out.Snapshot != nil {
		m.snapshot = out.Snapshot
	}
}

// pass lets time go by, in steps that are shorter than anything the servers do.
func (c *cluster) pass(d time.Duration) {
	for end := c.now + d; c.now < end; {
		c.now = min(end, c.now+5*time.Millisecond)
		for _, m := range c.members {
			if !m.frozen && c.now >= m.server.Deadline() {
				m.inbox = append(m.inbox, raft.Timeout{})
			}
		}
		c.settle()
	}
}

// until lets time go by until something is so.
func (c *cluster) until(so func() bool) {
	for start := c.now; !so(); c.pass(5 * time.Millisecond) {
		require.Less(c.t, c.now-start, time.Minute, "waited in vain")
	}
}

// send makes a call and does not wait.
func (c *cluster) send(m *member, request Request) CallID {
	c.next++
	m.inbox = append(m.inbox, Call{ID: c.next, Request: request})
	return c.next
}

// ask makes a call and returns its answer, nil when there is none without time going by.
func (c *cluster) ask(m *member, request Request) Answer {
	id := c.send(m, request)
	c.settle()
	return c.answers[id]
}

// result makes a call at the leader that must be answered by the machine.
func (c *cluster) result(command lockfsm.Command) lockfsm.Result {
	answer := c.ask(c.leader(), command)
	require.IsType(c.t, lockfsm.Result{}, answer, "%#v", command)
	return answer.(lockfsm.Result)
}

func (c *cluster) open(ttl time.Duration) lockfsm.SessionID {
	opened := c.result(lockfsm.Open{TTL: ttl, Owner: "somebody"})
	require.Equal(c.t, lockfsm.OK, opened.Status)
	return opened.Session
}

func acquire(session lockfsm.SessionID, sequence lockfsm.Sequence, name string) lockfsm.Acquire {
	return lockfsm.Acquire{Request: lockfsm.Request{Session: session, Sequence: sequence}, Name: name, Wait: lockfsm.Forever}
}

func (c *cluster) grant(session lockfsm.SessionID, sequence lockfsm.Sequence, name string) lockfsm.Token {
	granted := c.result(acquire(session, sequence, name))
	require.Equal(c.t, lockfsm.OK, granted.Status)
	require.NotZero(c.t, granted.Token)
	return granted.Token
}

// same checks that all members that run have come to the same state.
func (c *cluster) same() {
	c.pass(2 * heartbeat)
	for _, m := range c.members[1:] {
		require.Equal(c.t, c.members[0].server.machine.Digest(), m.server.machine.Digest(), "members 1 and %d differ", m.id)
		require.NoError(c.t, m.server.machine.Check())
	}
}
