package server

import (
	"time"

	"lockd/raft"
)

// handover is a leadership on its way to another member.
type handover struct {
	stopping bool
	asked    []CallID      // who asked for it
	due      time.Duration // when they are told that its outcome is not known
}

// transfer begins to hand leadership over. The call is answered when it is done, or was given up.
func (s *Server) transfer(id CallID, t Transfer) {
	switch err := s.node.Transfer(s.now, t.To); {
	case err == raft.ErrNotMember:
		s.refuse(id, Invalid, "there is no such other member to hand over to")
	case err != nil:
		s.refuse(id, reasonOf(err), err.Error())
	default:
		s.handover.asked = append(s.handover.asked, id)
		s.handover.due = s.now + 3*s.config.Raft.ElectionTimeout
	}
}

// stop hands over, if there is anything to hand over and anybody to take it.
func (s *Server) stop() {
	if !s.handover.stopping {
		s.handover.stopping = true
		_ = s.node.Transfer(s.now, 0)
	}
}

// Stopped tells whether a server that was asked to stop leads no more: the others need not wait for an election
// timeout when it ends now. A leader whom nobody can replace stays one, and is ended by its shell after a bound.
func (s *Server) Stopped() bool { return s.handover.stopping && !s.leads() }

// noteHandover answers those who asked for a transfer when it has come to an end.
func (s *Server) noteHandover() {
	if len(s.handover.asked) == 0 || s.node.Status().Transfer != 0 {
		return
	}
	leader := s.node.Leader()
	if leader == 0 && s.now < s.handover.due {
		return // the new one has not spoken yet
	}
	for _, id := range s.handover.asked {
		if leader == 0 || s.leads() {
			s.refuse(id, Unknown, "no other member was seen to take over in time")
		} else {
			s.reply(id, Transferred{Leader: leader})
		}
	}
	s.handover.asked = nil
}
