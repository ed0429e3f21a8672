package server

import (
	"slices"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
)

// expireLimit bounds the sessions ended by one entry: when a thousand clients die at once, the
// log still has room for those that live.
const expireLimit = 256

// expiry is what a leader has under way to let time take its course.
type expiry struct {
	// pending is the entry that was proposed last for time's sake. Until it is applied, the
	// machine does not show what it did, and the same would be proposed again.
	pending  raft.Index
	clockDue time.Duration // when the log must hear the time again
	// notBefore is when to try again after a proposal was refused: while leadership is being handed over, or too much
	// is under way, what is due stays due, and a shell that steps every timeout at once would do nothing else.
	notBefore time.Duration
	due       []lockfsm.Expiry
}

func (e *expiry) applied(index raft.Index) {
	if index >= e.pending {
		e.pending = 0
	}
}

// expire proposes what is due: the end of sessions, the end of bounded waits, or just the time.
func (s *Server) expire() {
	if !s.leads() || s.expiry.pending != 0 || s.now < s.expiry.notBefore {
		return
	}
	if s.full {
		s.yield()
		return
	}
	s.proposeRenewals() // what came in before the time did goes into the log before it
	clock := s.node.Clock()
	s.expiry.due = s.machine.Due(s.expiry.due[:0], clock, expireLimit)
	wait, waits := s.machine.NextWait()
	switch {
	case len(s.expiry.due) > 0:
		s.tick(lockfsm.Expire{Sessions: s.expiry.due})
	case waits && wait <= clock, s.now >= s.expiry.clockDue && s.machine.Counts().Sessions > 0:
		s.tick(lockfsm.Clock{})
	}
}

// room notes whether the disk has room, and hands over at once when it has none.
func (s *Server) room(r raft.Room) {
	s.full = r.Full
	if r.Full && s.leads() {
		s.expiry.clockDue = s.now
		s.yield()
	}
}

// yield hands leadership to a member whose disk has room. A leader that stayed would refuse all renewals, and end
// every session. It tries not more often than the log would hear the time. If nobody has room it stays: it is as good as any.
func (s *Server) yield() {
	s.expiry.notBefore = s.now + s.config.Raft.Heartbeat
	if s.now >= s.expiry.clockDue && s.roomElsewhere() {
		_ = s.node.Transfer(s.now, 0) // refused when there is nobody, or one is under way
		s.expiry.clockDue = s.now + s.config.ClockInterval
	}
}

func (s *Server) roomElsewhere() bool {
	return slices.ContainsFunc(s.node.Followers(), func(f raft.FollowerStatus) bool { return f.Active && !f.Full })
}

func (s *Server) tick(command lockfsm.Command) {
	if s.propose(command, proposal{}) != nil {
		s.expiry.notBefore = s.now + s.config.Raft.Heartbeat
		return
	}
	s.expiry.pending = s.calls.proposed[len(s.calls.proposed)-1].index
	s.expiry.clockDue = s.now + s.config.ClockInterval
}

// nextExpiry is when expire has something to do, on this node's own clock.
func (s *Server) nextExpiry() time.Duration {
	if s.expiry.pending != 0 || s.machine.Counts().Sessions == 0 {
		return s.node.Deadline()
	}
	due := s.expiry.clockDue
	clock := s.node.Clock()
	if deadline, any := s.machine.NextExpiry(); any {
		due = min(due, s.now+max(0, deadline-clock))
	}
	if deadline, any := s.machine.NextWait(); any {
		due = min(due, s.now+max(0, deadline-clock))
	}
	return max(due, s.expiry.notBefore)
}
