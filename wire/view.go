package wire

import (
	"google.golang.org/protobuf/types/known/durationpb"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/wire/lockdv1"
)

func lockToProto(l lockfsm.LockView) *lockdv1.Lock {
	return &lockdv1.Lock{
		Name: readable(l.Name), Token: uint64(l.Token), Session: uint64(l.Session), Owner: readable(l.Owner),
		Value: readable(string(l.Value)), Since: duration(l.Since), Left: duration(l.Left), Waiters: count(l.Waiters),
	}
}

func lockFromProto(m *lockdv1.Lock) lockfsm.LockView {
	l := lockfsm.LockView{
		Name: m.GetName(), Token: lockfsm.Token(m.GetToken()), Session: lockfsm.SessionID(m.GetSession()), Owner: m.GetOwner(),
		Since: m.GetSince().AsDuration(), Left: m.GetLeft().AsDuration(), Waiters: size(m.GetWaiters()),
	}
	if m.GetValue() != "" {
		l.Value = []byte(m.GetValue())
	}
	return l
}

func waiterToProto(w lockfsm.WaiterView) *lockdv1.Waiter {
	m := &lockdv1.Waiter{
		Place: uint64(w.Place), Session: uint64(w.Session), Owner: readable(w.Owner), Since: duration(w.Since),
	}
	if w.Until != lockfsm.Forever {
		m.Until = durationpb.New(w.Until)
	}
	return m
}

func waiterFromProto(m *lockdv1.Waiter) lockfsm.WaiterView {
	w := lockfsm.WaiterView{
		Place: lockfsm.Place(m.GetPlace()), Session: lockfsm.SessionID(m.GetSession()), Owner: m.GetOwner(),
		Since: m.GetSince().AsDuration(), Until: lockfsm.Forever,
	}
	if m.GetUntil() != nil {
		w.Until = m.GetUntil().AsDuration()
	}
	return w
}

func sessionToProto(s lockfsm.SessionView) *lockdv1.Session {
	return &lockdv1.Session{
		Session: uint64(s.Session), Owner: readable(s.Owner), Ttl: duration(s.TTL), Left: duration(s.Left),
		Held: count(s.Held), Waiting: count(s.Waiting),
	}
}

func sessionFromProto(m *lockdv1.Session) lockfsm.SessionView {
	return lockfsm.SessionView{
		Session: lockfsm.SessionID(m.GetSession()), Owner: m.GetOwner(),
		TTL: m.GetTtl().AsDuration(), Left: m.GetLeft().AsDuration(),
		Held: size(m.GetHeld()), Waiting: size(m.GetWaiting()),
	}
}

func inspectedToProto(i server.Inspected) *lockdv1.StatusResponse {
	n := i.Node
	return &lockdv1.StatusResponse{
		Id: uint64(n.ID), Role: lockdv1.StatusResponse_Role(n.Role), Term: uint64(n.Term),
		Vote: uint64(n.Vote), Leader: uint64(n.Leader), Transfer: uint64(n.Transfer),
		Commit: uint64(n.Commit), Applied: uint64(n.Applied), First: uint64(n.First), Last: uint64(n.Last),
		Stable: uint64(n.Stable), Snapshot: uint64(n.Snapshot),
		Members: each(n.Membership.Members, memberToProto), Former: each(n.Membership.Former, memberToProto),
		Learners: each(n.Membership.Learners, memberToProto), MembersSince: uint64(n.Since), Time: duration(i.Time),
		Counts: countsToProto(i.Counts), Progress: each(i.Members, progressToProto),
		MissingFirst: uint64(n.Hole.First), MissingLast: uint64(n.Hole.Last), InDoubt: n.Doubt,
		Version: uint32(i.Version), Supports: uint32(i.Supports),
	}
}

// inspectedFromProto takes a role that this version does not know for a follower's: what a
// server says about itself is for people, and no decision rests on it.
func inspectedFromProto(m *lockdv1.StatusResponse) server.Inspected {
	role := raft.Follower
	if m.GetRole() >= lockdv1.StatusResponse_FOLLOWER && m.GetRole() <= lockdv1.StatusResponse_LEADER {
		role = raft.Role(m.GetRole())
	}
	return server.Inspected{
		Node: raft.Status{
			ID: raft.ID(m.GetId()), Role: role, Term: raft.Term(m.GetTerm()),
			Vote: raft.ID(m.GetVote()), Leader: raft.ID(m.GetLeader()), Transfer: raft.ID(m.GetTransfer()),
			Commit: raft.Index(m.GetCommit()), Applied: raft.Index(m.GetApplied()),
			First: raft.Index(m.GetFirst()), Last: raft.Index(m.GetLast()),
			Stable: raft.Index(m.GetStable()), Snapshot: raft.Index(m.GetSnapshot()),
			Membership: membershipFromProto(m), Since: raft.Index(m.GetMembersSince()),
			Hole: raft.Hole{First: raft.Index(m.GetMissingFirst()), Last: raft.Index(m.GetMissingLast())}, Doubt: m.GetInDoubt(),
		},
		Time: m.GetTime().AsDuration(), Counts: countsFromProto(m.GetCounts()),
		Version: lockfsm.Version(m.GetVersion()), Supports: lockfsm.Version(m.GetSupports()),
		Members: each(m.GetProgress(), progressFromProto),
	}
}

func memberToProto(m raft.Member) *lockdv1.Member {
	return &lockdv1.Member{Id: uint64(m.ID), Incarnation: m.Incarnation, Address: readable(m.Address)}
}

func memberFromProto(m *lockdv1.Member) raft.Member {
	return raft.Member{ID: raft.ID(m.GetId()), Incarnation: m.GetIncarnation(), Address: m.GetAddress()}
}

// membershipFromProto reads the three lists that several messages have.
func membershipFromProto(m interface {
	GetMembers() []*lockdv1.Member
	GetFormer() []*lockdv1.Member
	GetLearners() []*lockdv1.Member
}) raft.Membership {
	return raft.Membership{
		Members: each(m.GetMembers(), memberFromProto), Former: each(m.GetFormer(), memberFromProto),
		Learners: each(m.GetLearners(), memberFromProto),
	}
}

func progressToProto(p server.Progress) *lockdv1.Progress {
	return &lockdv1.Progress{
		Member: uint64(p.Member), Match: uint64(p.Match), Lag: p.Lag, Active: p.Active, Learner: p.Learner, Slow: p.Slow, Supports: uint32(p.Supports),
	}
}

func progressFromProto(m *lockdv1.Progress) server.Progress {
	return server.Progress{
		Member: raft.ID(m.GetMember()), Match: raft.Index(m.GetMatch()), Lag: m.GetLag(), Active: m.GetActive(),
		Learner: m.GetLearner(), Slow: m.GetSlow(), Supports: lockfsm.Version(m.GetSupports()),
	}
}

func countsToProto(c lockfsm.Counts) *lockdv1.Counts {
	return &lockdv1.Counts{
		Sessions: count(c.Sessions), Locks: count(c.Locks), Waiters: count(c.Waiters), Requests: count(c.Requests),
		Grants: c.Grants, Releases: c.Releases, Expiries: c.Expiries, TimedOut: c.TimedOut, Cancels: c.Cancels,
	}
}

func countsFromProto(m *lockdv1.Counts) lockfsm.Counts {
	return lockfsm.Counts{
		Sessions: size(m.GetSessions()), Locks: size(m.GetLocks()), Waiters: size(m.GetWaiters()), Requests: size(m.GetRequests()),
		Grants: m.GetGrants(), Releases: m.GetReleases(), Expiries: m.GetExpiries(), TimedOut: m.GetTimedOut(), Cancels: m.GetCancels(),
	}
}
