package raft

import "time"

// maxRounds is how many rounds a learner has to catch up. One that could not in ten will not in eleven: each round is as long as the one
// before it took, or the learner is slower than the cluster (thesis §4.2.1).
const maxRounds = 10

// study is a learner's way to becoming a voter, in rounds. In a round it gets all entries that stood in the leader's log when
// the round began. It has caught up when a round takes less than an election timeout: were it to vote before, the cluster might have to wait
// for it to commit anything.
type study struct {
	round int // from 1
	goal  Index
	began time.Duration
}

func (n *Node) newStudy() *study { return &study{round: 1, goal: n.log.last(), began: n.now} }

func (s *study) slow() bool { return s.round > maxRounds }

// teach looks how a learner that answered comes along. One that has caught up while another change is under way is looked at again.
func (n *Node) teach(p *peer) {
	s := p.study
	if s == nil || s.slow() || p.match < s.goal {
		return
	}
	ready := n.now-s.began < n.config.ElectionTimeout
	s.goal, s.began = n.log.last(), n.now
	if !ready {
		s.round++
		return
	}
	if n.lead.transfer == nil {
		_, _ = n.change(Change{Promote: []ID{p.id}}) // refused: after a later answer
	}
}
