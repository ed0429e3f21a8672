package server

import (
	"lockd/lockfsm"
	"lockd/raft"
)

// maxPage bounds what one query returns: a page of the longest names, owners and values fits in one gRPC message
// of the default size, which is 4 MiB.
const maxPage = 500

// query asks consensus how far this node must have come, whether it leads or not, and is answered when that is confirmed.
func (s *Server) query(id CallID, request Request) {
	switch q := request.(type) {
	case Transfer:
		s.transfer(id, q)
		return
	case ChangeMembers:
		s.changeMembers(id, q)
		return
	case Check, Show, List, Sessions, Backup:
	default:
		s.refuse(id, Invalid, "no such request")
		return
	}
	if detail := invalid(request); detail != "" {
		s.refuse(id, Invalid, detail)
		return
	}
	if err := s.node.Read(s.now, uint64(id), confirmation(request)); err != nil {
		s.refuse(id, reasonOf(err), err.Error())
		return
	}
	s.calls.reading[id] = request
	s.statistics.Queried++
}

// confirmation is what the answer of a query may rest on. A Backup is for a bad day: it trusts no clock.
func confirmation(request Request) raft.Confirmation {
	lease := false
	switch q := request.(type) {
	case Check:
		lease = q.Lease
	case Show:
		lease = q.Lease
	case List:
		lease = q.Lease
	case Sessions:
		lease = q.Lease
	}
	if lease {
		return raft.ByLease
	}
	return raft.ByRound
}

// invalid says what is wrong with a query. Empty: nothing.
func invalid(request Request) string {
	switch q := request.(type) {
	case Check:
		return invalidName(q.Name)
	case Show:
		return invalidName(q.Name)
	}
	return ""
}

func invalidName(name string) string {
	if lockfsm.Validate(lockfsm.Release{Name: name, Token: 1}) == lockfsm.InvalidName {
		return "the name is empty, too long, not UTF-8, or has a control character"
	}
	return ""
}

// answerQueries answers those whose read was confirmed. Everything committed is applied by now.
func (s *Server) answerQueries() {
	for _, r := range s.output.Reads {
		if uint64(r.Index) > s.machine.Revision() {
			panic("server: a read was confirmed at an index that is not applied")
		}
		if request := s.calls.read(CallID(r.ID)); request != nil {
			s.reply(CallID(r.ID), s.look(request))
		}
	}
	for _, id := range s.output.Refused {
		if s.calls.read(CallID(id)) != nil {
			s.refuse(CallID(id), NotLeader, "no leader confirmed the read in time")
		}
	}
}

// look reads the machine.
func (s *Server) look(request Request) Answer {
	m := s.machine
	switch q := request.(type) {
	case Check:
		current := m.Current(q.Name)
		return Checked{Valid: q.Token != 0 && q.Token == current, Current: current, Last: m.Last(), Revision: m.Revision()}
	case Show:
		return Shown{Lock: m.Lock(q.Name), Waiters: m.Waiters(q.Name, q.After, page(q.Limit)), Last: m.Last(), Revision: m.Revision()}
	case List:
		locks, more := m.Locks(q.Prefix, q.After, page(q.Limit))
		return Listed{Locks: locks, More: more, Last: m.Last(), Revision: m.Revision()}
	case Sessions:
		sessions, more := m.Sessions(q.After, page(q.Limit))
		return SessionsListed{Sessions: sessions, More: more, Revision: m.Revision()}
	case Backup:
		return BackedUp{Snapshot: s.node.SnapshotAt(raft.Index(m.Revision())), Machine: m.Snapshot()}
	}
	panic("server: a query without an answer")
}

func page(limit int) int {
	if limit <= 0 || limit > maxPage {
		return maxPage
	}
	return limit
}

// inspect tells how this node sees itself, confirmed by nobody.
func (s *Server) inspect() Inspected {
	status := s.node.Status()
	seen := Inspected{Node: status, Time: s.machine.Time(), Counts: s.machine.Counts(), Version: s.machine.Version(), Supports: s.config.Version}
	for _, f := range s.node.Followers() {
		seen.Members = append(seen.Members, Progress{
			Member: f.ID, Match: f.Match, Lag: uint64(status.Last - f.Match), Active: f.Active, Learner: f.Learner, Slow: f.Slow,
			Supports: lockfsm.Version(f.Version),
		})
	}
	return seen
}
