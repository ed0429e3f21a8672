package raft

import (
	"fmt"
	"testing"
)

// group is a cluster whose messages and disks take no time: what is left is the work of the nodes themselves.
type group struct {
	nodes   []*Node
	outputs []Output
	flying  []Envelope
}

func newGroup(size int) *group {
	c := &group{nodes: make([]*Node, size), outputs: make([]Output, size)}
	for i := range c.nodes {
		config := testConfig(ID(i+1), 1)
		config.MaxAppendBytes, config.MaxInflight, config.MaxInflightBytes = 1<<20, 64, 1<<24
		config.MinInflightBytes = 64 << 10
		config.MaxUncommittedBytes, config.KeepBytes = 1<<30, 1000*entryCost
		c.nodes[i] = New(config, foundation(size), 0)
	}
	c.nodes[0].Step(c.nodes[0].Deadline(), Timeout{})
	c.settle()
	return c
}

// settle drains everybody, and delivers, until nobody has anything to say.
func (c *group) settle() {
	for {
		idle := true
		for i, n := range c.nodes {
			out := &c.outputs[i]
			n.Drain(out)
			c.flying = append(c.flying, out.Send...)
			if out.Record.Sequence != 0 {
				n.Step(n.now, Persisted{out.Record.Sequence})
				idle = false
			}
		}
		idle = idle && len(c.flying) == 0
		for _, e := range c.flying {
			to := c.nodes[e.To-1]
			to.Step(to.now, Receive{e})
		}
		c.flying = c.flying[:0]
		if idle {
			return
		}
	}
}

// compact keeps the logs short, as a machine that takes snapshots would.
func (c *group) compact() {
	for _, n := range c.nodes {
		n.Step(n.now, Snapshotted{n.SnapshotAt(n.commit)})
	}
}

// BenchmarkCommit is the cost of one entry at all three members, from Propose to its commit at the leader.
func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			c, command := newGroup(3), make([]byte, 64)
			leader := c.nodes[0]
			if leader.Role() != Leader {
				b.Fatal("nobody leads")
			}
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += batch {
				for range min(batch, b.N-done) {
					if _, err := leader.Propose(leader.now, command); err != nil {
						b.Fatal(err)
					}
				}
				c.settle()
				if leader.log.last()-leader.log.base() > 100_000 {
					c.compact()
				}
			}
			if leader.commit != leader.log.last() {
				b.Fatalf("committed %d of %d", leader.commit, leader.log.last())
			}
		})
	}
}

// BenchmarkLeader is the cost of one entry at the leader alone, 64 of them at a time: Propose, the Append to each follower, and its answer. What a
// follower more takes is the difference between two sizes.
func BenchmarkLeader(b *testing.B) {
	for _, members := range []int{1, 3, 5, 7} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			c, command := newGroup(members), make([]byte, 64)
			leader, out := c.nodes[0], &c.outputs[0]
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += 64 {
				for range min(64, b.N-done) {
					if _, err := leader.Propose(leader.now, command); err != nil {
						b.Fatal(err)
					}
				}
				serve(leader, out)
				if leader.log.last()-leader.log.base() > 100_000 {
					leader.Step(leader.now, Snapshotted{leader.SnapshotAt(leader.commit)})
				}
			}
			if leader.commit != leader.log.last() {
				b.Fatalf("committed %d of %d", leader.commit, leader.log.last())
			}
		})
	}
}

// serve is the leader's disk, and its followers, who agree at once.
func serve(leader *Node, out *Output) {
	for leader.Drain(out); out.Record.Sequence != 0 || len(out.Send) > 0; leader.Drain(out) {
		if out.Record.Sequence != 0 {
			leader.Step(leader.now, Persisted{out.Record.Sequence})
		}
		for _, e := range out.Send {
			sent := e.Message.(*Append)
			leader.Step(leader.now, Receive{Envelope{From: e.To, To: e.From, Incarnation: uint64(e.To), Message: &Appended{
				Term: sent.Term, Round: sent.Round, Match: sent.PrevIndex + Index(len(sent.Entries)),
			}}})
		}
	}
}

// BenchmarkFollower is the cost of one entry at a follower: Append, Drain, Persisted.
func BenchmarkFollower(b *testing.B) {
	for _, batch := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			config := testConfig(1, 1)
			config.KeepBytes = 1000 * entryCost
			n := New(config, foundation(3), 0)
			var out Output
			entries := make([]Entry, batch)
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += batch {
				last := n.log.last()
				for i := range entries {
					entries[i] = Entry{Index: last + Index(i) + 1, Term: 2, Kind: KindCommand}
				}
				prevTerm := n.log.lastTerm()
				n.Step(0, Receive{Envelope{From: 2, To: 1, Message: &Append{
					Term: 2, PrevIndex: last, PrevTerm: prevTerm, Commit: last, Entries: entries,
				}}})
				n.Drain(&out)
				n.Step(0, Persisted{out.Record.Sequence})
				n.Drain(&out)
				if n.log.last()-n.log.base() > 100_000 {
					n.Step(0, Snapshotted{n.SnapshotAt(n.commit)})
				}
			}
		})
	}
}
