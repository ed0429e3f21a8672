package sim

import (
	"fmt"
	"time"

	"lockd/raft"
)

// What a server says or does rests on what is on disks. These judges look at the moment at which it is said.

// spoken judges a message as it leaves: whatever it promises is on its sender's disk.
func (j *judge) spoken(m *member, envelope raft.Envelope) {
	disk := &j.watch(m).durable
	j.silent(m, envelope.Message)
	switch s := envelope.Message.(type) {
	case *raft.PreVoteReply:
		if s.Granted && j.watch(m).loyal.refuses[poll{envelope.To, s.Attempt}] {
			j.fail(Loyalty, "server %d, which hears from a leader, would vote for server %d", m.id, envelope.To)
		}
	case *raft.Vote:
		if disk.term != s.Term || disk.vote != m.id {
			j.fail(Durability, "server %d asks for votes in term %d, and its own is not on its disk", m.id, s.Term)
		}
	case *raft.VoteReply:
		if s.Granted && (disk.term != s.Term || disk.vote != envelope.To) {
			j.fail(Durability, "server %d tells server %d of its vote in term %d, which is not on its disk", m.id, envelope.To, s.Term)
		}
		if s.Granted {
			j.granted(m, envelope.To, s.Term)
		}
	case *raft.Fetched:
		if len(s.Entries) > 0 {
			j.world.hit(holeFilled)
		}
	case *raft.Appended:
		if disk.term < s.Term || s.Match > disk.last() {
			j.fail(Durability, "server %d acknowledges entry %d in term %d, which is not on its disk", m.id, s.Match, s.Term)
			return
		}
		node := m.server.Node()
		if e := node.Entries(s.Match); s.Term == node.Term() && len(e) > 0 && e[0].Index == s.Match && !disk.has(s.Match, e[0].Term) {
			j.fail(Durability, "server %d acknowledges entry %d of term %d, and its disk has another one", m.id, s.Match, e[0].Term)
		}
	}
}

// loyalty is what a member owes its leader. A connection that breaks makes a follower ask at once who would elect it, and a member that is
// cut off from the leader alone asks again and again: those who hear from the leader must refuse, or it is deposed though it is well.
type loyalty struct {
	leader  raft.ID       // of whom it has heard last
	at      time.Duration // by its own clock
	refuses map[poll]bool // false: it was asked when it was free, perhaps for the second time
}

// poll is one question who would be voted for.
type poll struct {
	by      raft.ID
	attempt uint64
}

// hears notes a message before the member reads it: that its leader lives, or that it is asked for another one.
func (j *judge) hears(m *member, envelope raft.Envelope) {
	node, l := m.server.Node(), &j.watch(m).loyal
	switch s := envelope.Message.(type) {
	case *raft.Append:
		if s.Term >= node.Term() {
			l.leader, l.at = envelope.From, m.now()
		}
	case *raft.Vote:
		j.asked(m, envelope.From, s)
	case *raft.PreVote:
		asked := poll{envelope.From, s.Attempt}
		owes := l.leader != 0 && node.Status().Leader == l.leader && m.now() < l.at+j.world.knobs.election
		if _, before := l.refuses[asked]; owes && before {
			return
		}
		if l.refuses == nil {
			l.refuses = map[poll]bool{}
		}
		l.refuses[asked] = owes
	}
}

// rests judges an entry that a member is the first to apply: it is on the disks of a majority of those who vote, in a joint membership of a majority
// of either half.
func (j *judge) rests(m *member, e *raft.Entry) {
	missing := ""
	for _, membership := range j.ruling(m, e) {
		if missing = j.lacks(&membership, e); missing == "" {
			return
		}
	}
	j.fail(Durability, "entry %d of term %d is committed, and %s", e.Index, e.Term, missing)
}

// lacks says which half of a membership has an entry on too few disks; empty: none.
func (j *judge) lacks(membership *raft.Membership, e *raft.Entry) string {
	for _, voters := range [...][]raft.Member{membership.Members, membership.Former} {
		kept := 0
		for _, v := range voters {
			place := int(v.ID) - 1
			if j.world.members[place].enlisted() == v.Incarnation && j.watches[place].counts(e) {
				kept++
			}
		}
		if len(voters) > 0 && 2*kept <= len(voters) {
			return fmt.Sprintf("on the disks of %d servers of %d", kept, len(voters))
		}
	}
	return ""
}

// renewed judges what a client is told of its lease: an entry of the log says so, which was proposed after this was asked for.
func (j *judge) renewed(c *client, sent time.Duration) {
	if g := j.book.guests[c.session.ID()]; g != nil && g.heard < sent {
		j.fail(Reply, "client %d is told that its session %d is renewed, and no entry of the log says so", c.place+1, g.id)
	}
}
