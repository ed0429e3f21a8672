package server

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"lockd/lockfsm"
	"lockd/raft"
)

// maxRenewals bounds the sessions renewed in one entry, so that no single entry grows without end.
const maxRenewals = 1024

// call begins a call, or answers it at once.
func (s *Server) call(c Call) {
	if c.ID == 0 {
		panic("server: a call needs an ID")
	}
	s.statistics.Calls++
	if _, local := c.Request.(Inspect); local {
		s.reply(c.ID, s.inspect())
		return
	}
	command, commands := c.Request.(lockfsm.Command)
	if reason := s.closed(commands); reason != 0 {
		s.refuse(c.ID, reason, "")
		return
	}
	if commands {
		s.command(c.ID, command)
	} else {
		s.query(c.ID, c.Request)
	}
}

// closed says why no such call can be taken at the moment. Zero: it can.
func (s *Server) closed(commands bool) Reason {
	switch {
	case s.handover.stopping:
		return Stopping
	case commands && !s.leads():
		return NotLeader
	case s.calls.size()+len(s.renewals) >= s.config.MaxCalls:
		return Overloaded
	}
	return 0
}

func (s *Server) refuse(id CallID, reason Reason, detail string) {
	if detail == "" {
		detail = sentences[reason]
	}
	s.reply(id, Refusal{Reason: reason, Leader: s.leaderHint(), Detail: detail})
}

// sentences are what a refusal says where there is nothing more to say.
var sentences = [...]string{
	NotLeader:  "this member does not lead",
	Overloaded: "too many calls are in flight at this member",
	Invalid:    "the request can never succeed as it is",
	DiskFull:   "the disk of this member has no room for the command",
	Stopping:   "this member is handing over and shutting down",
	Unknown:    "whether the command was carried out is not known",
}

// leaderHint is the member to try next: the one that leadership is on its way to, or else the leader.
func (s *Server) leaderHint() raft.ID {
	if to := s.node.Status().Transfer; to != 0 {
		return to
	}
	return s.node.Leader()
}

// command proposes what a client asks for.
func (s *Server) command(id CallID, command lockfsm.Command) {
	switch c := command.(type) {
	case lockfsm.Renew:
		s.renew(id, c)
		return
	case lockfsm.Open, lockfsm.Close, lockfsm.Acquire, lockfsm.Release, lockfsm.Cancel:
	default:
		s.refuse(id, Invalid, fmt.Sprintf("%T is not for clients", c))
		return
	}
	if status := lockfsm.Validate(command); status != lockfsm.OK {
		s.reply(id, lockfsm.Result{Status: status})
		return
	}
	if s.full {
		s.refuse(id, DiskFull, "")
		return
	}
	p := proposal{call: id}
	if acquire, is := command.(lockfsm.Acquire); is {
		p.command = acquire
	}
	if patience(command) > 0 && 2*s.calls.patient >= s.config.MaxCalls {
		s.refuse(id, Overloaded, "too many calls wait for locks at this node")
		return
	}
	if err := s.propose(command, p); err != nil {
		s.refuse(id, reasonOf(err), err.Error())
	}
}

// propose puts a command into the log.
func (s *Server) propose(command lockfsm.Command, p proposal) error {
	s.encoded = s.machine.Version().Encode(s.encoded[:0], command)
	index, err := s.node.Propose(s.now, bytes.Clone(s.encoded)) // the log keeps it for long: in no more room than it takes
	if err != nil {
		return err
	}
	p.index = index
	s.calls.propose(p)
	s.statistics.Proposed++
	return nil
}

func reasonOf(err error) Reason {
	if errors.Is(err, raft.ErrFull) {
		return Overloaded
	}
	return NotLeader // is not, or is no more: leadership is being handed over
}

// renew collects renewals: all that come before the next Drain go into one entry.
func (s *Server) renew(id CallID, c lockfsm.Renew) {
	switch {
	case len(c.Sessions) != 1:
		s.refuse(id, Invalid, "a call renews one session")
	case s.full:
		s.refuse(id, DiskFull, "")
	default:
		s.renewals = append(s.renewals, renewal{id, c.Sessions[0]})
	}
}

func (s *Server) proposeRenewals() {
	for batch := range slices.Chunk(s.renewals, maxRenewals) {
		command := lockfsm.Renew{Sessions: make([]lockfsm.SessionID, len(batch))}
		for i, r := range batch {
			command.Sessions[i] = r.session
		}
		if err := s.propose(command, proposal{renewals: slices.Clone(batch)}); err != nil {
			for _, r := range batch {
				s.refuse(r.call, reasonOf(err), err.Error())
			}
		}
	}
	s.renewals = s.renewals[:0]
}

// hangup forgets a call, and takes back what nobody could ever ask for again.
func (s *Server) hangup(id CallID) {
	if at := slices.IndexFunc(s.renewals, func(r renewal) bool { return r.call == id }); at >= 0 {
		s.renewals = slices.Delete(s.renewals, at, at+1)
		return
	}
	if at := slices.Index(s.handover.asked, id); at >= 0 {
		s.handover.asked = slices.Delete(s.handover.asked, at, at+1)
		return
	}
	if s.changing == id {
		s.changing = 0
		return
	}
	if withdraw, abandoned := s.calls.hangup(id); abandoned {
		s.withdraw(withdraw)
	}
}

// withdraw takes an Acquire back, with the next Drain or as soon after it as there is room in the log.
func (s *Server) withdraw(w lockfsm.Withdraw) { s.withdrawals = append(s.withdrawals, w) }

func (s *Server) proposeWithdrawals() {
	for len(s.withdrawals) > 0 && s.propose(s.withdrawals[0], proposal{}) == nil {
		s.withdrawals = s.withdrawals[1:]
	}
}

// abandon ends the calls of a leadership that is over. What was proposed may still be chosen, under a
// later leader, or not: nobody can say. Queued Acquires keep their place, and find it again at the new leader.
func (s *Server) abandon() {
	for _, p := range s.calls.proposed {
		if p.call != 0 {
			s.refuse(p.call, Unknown, "leadership was lost before the command was decided")
		}
		for _, r := range p.renewals {
			if r.call != 0 {
				s.refuse(r.call, Unknown, "leadership was lost before the renewal was decided")
			}
		}
	}
	for _, place := range s.calls.places() {
		for _, w := range s.calls.settle(place) {
			s.refuse(w.call, Unknown, "leadership was lost while the call was queued")
		}
	}
	for _, r := range s.renewals {
		s.refuse(r.call, NotLeader, "")
	}
	if s.changing != 0 {
		s.refuse(s.changing, Unknown, "leadership was lost before the change of the membership was decided")
		s.changing = 0
	}
	s.renewals = s.renewals[:0]
	s.calls.proposed, s.calls.patient = nil, 0
	clear(s.calls.where)
	s.withdrawals = nil // the next leader finds out for itself who is left: see succeed
}

// succeed takes back the waiting Acquires without a number that a new leader finds: whoever made them was told by the old
// one that their fate is unknown, and can't ask for them again.
func (s *Server) succeed() { s.withdrawals = s.machine.Unnumbered(s.withdrawals) }
