package wire

import (
	"math"
	"time"

	"pgregory.net/rapid"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
)

// Generators of everything that travels. Empty slices are drawn as nil, which is how they are
// decoded.

func numeral[N ~uint64]() *rapid.Generator[N] {
	return rapid.Map(rapid.OneOf(rapid.Uint64Range(0, 9), rapid.Uint64()), func(n uint64) N { return N(n) })
}

func draw[N ~uint64](t *rapid.T, label string) N { return numeral[N]().Draw(t, label) }

func drawTime(t *rapid.T, label string) time.Duration {
	return time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, label))
}

func drawSize(t *rapid.T, label string) int {
	return rapid.IntRange(0, math.MaxInt32).Draw(t, label)
}

func drawBytes(t *rapid.T, label string) []byte {
	return orNil(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, label))
}

func drawText(t *rapid.T, label string) []byte {
	return orNil([]byte(rapid.String().Draw(t, label)))
}

func drawSlice[T any](t *rapid.T, label string, item func(*rapid.T) T) []T {
	return orNil(rapid.SliceOfN(rapid.Custom(item), 0, 4).Draw(t, label))
}

func orNil[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func drawMember(t *rapid.T) raft.Member {
	return raft.Member{ID: draw[raft.ID](t, "id"), Incarnation: draw[uint64](t, "incarnation")}
}

// drawMembership draws voters alone, or a full membership: joint, with learners, with addresses.
func drawMembership(t *rapid.T) raft.Membership {
	if rapid.Bool().Draw(t, "plain") {
		return raft.Membership{Members: drawSlice(t, "members", drawMember)}
	}
	list := func(label string, first raft.ID) (list []raft.Member) {
		for i := range rapid.IntRange(1, 3).Draw(t, label) {
			list = append(list, raft.Member{ID: first + raft.ID(i), Incarnation: draw[uint64](t, "incarnation"), Address: "host:7401"})
		}
		return list
	}
	return raft.Membership{Members: list("members", 1), Former: list("former", 11), Learners: list("learners", 21)}
}

func drawEntry(t *rapid.T) raft.Entry {
	return raft.Entry{
		Index: draw[raft.Index](t, "index"), Term: draw[raft.Term](t, "term"),
		Kind: rapid.SampledFrom([]raft.Kind{raft.KindCommand, raft.KindEmpty, raft.KindMembers}).Draw(t, "kind"),
		Time: drawTime(t, "time"), Data: drawBytes(t, "data"),
	}
}

func drawEnvelope(t *rapid.T) raft.Envelope {
	return raft.Envelope{
		From: draw[raft.ID](t, "from"), To: draw[raft.ID](t, "to"),
		Message: rapid.SampledFrom(messageDraws).Draw(t, "message")(t),
	}
}

var messageDraws = []func(*rapid.T) raft.Message{
	func(t *rapid.T) raft.Message {
		return &raft.PreVote{Term: draw[raft.Term](t, "term"), LastIndex: draw[raft.Index](t, "last index"),
			LastTerm: draw[raft.Term](t, "last term"), Attempt: draw[uint64](t, "attempt")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.PreVoteReply{Term: draw[raft.Term](t, "term"), Attempt: draw[uint64](t, "attempt"),
			Granted: rapid.Bool().Draw(t, "granted")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Vote{Term: draw[raft.Term](t, "term"), LastIndex: draw[raft.Index](t, "last index"),
			LastTerm: draw[raft.Term](t, "last term"), Transfer: rapid.Bool().Draw(t, "transfer")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.VoteReply{Term: draw[raft.Term](t, "term"), Granted: rapid.Bool().Draw(t, "granted")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Append{Term: draw[raft.Term](t, "term"), PrevIndex: draw[raft.Index](t, "prev index"),
			PrevTerm: draw[raft.Term](t, "prev term"), Commit: draw[raft.Index](t, "commit"),
			Round: draw[uint64](t, "round"), Entries: drawSlice(t, "entries", drawEntry)}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Appended{Term: draw[raft.Term](t, "term"), Round: draw[uint64](t, "round"), Match: draw[raft.Index](t, "match"),
			Full: rapid.Bool().Draw(t, "full"), Version: rapid.Byte().Draw(t, "version")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Mismatch{Term: draw[raft.Term](t, "term"), Round: draw[uint64](t, "round"),
			PrevIndex: draw[raft.Index](t, "prev index"), Last: draw[raft.Index](t, "last"),
			ConflictTerm: draw[raft.Term](t, "conflict term"), ConflictIndex: draw[raft.Index](t, "conflict index")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Lost{Term: draw[raft.Term](t, "term"), Round: draw[uint64](t, "round"),
			PrevIndex: draw[raft.Index](t, "prev index"), Last: draw[raft.Index](t, "last")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Fetch{Term: draw[raft.Term](t, "term"), Index: draw[raft.Index](t, "index"),
			EntryTerm: draw[raft.Term](t, "entry term"), From: draw[raft.Index](t, "from")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Fetched{Term: draw[raft.Term](t, "term"), Index: draw[raft.Index](t, "index"), EntryTerm: draw[raft.Term](t, "entry term"),
			PrevTerm: draw[raft.Term](t, "prev term"), Entries: drawSlice(t, "entries", drawEntry)}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Plea{Term: draw[raft.Term](t, "term"), Index: draw[raft.Index](t, "index"),
			IndexTerm: draw[raft.Term](t, "index term"), Offset: draw[uint64](t, "offset")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Bequest{Term: draw[raft.Term](t, "term"), Index: draw[raft.Index](t, "index"),
			IndexTerm: draw[raft.Term](t, "index term"), Time: drawTime(t, "time"), Membership: drawMembership(t),
			Offset: draw[uint64](t, "offset"), Total: draw[uint64](t, "total"),
			Sum: draw[uint64](t, "sum"), Data: drawBytes(t, "data")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Oath{Term: draw[raft.Term](t, "term"), Nonce: draw[uint64](t, "nonce")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Sworn{Term: draw[raft.Term](t, "term"), Nonce: draw[uint64](t, "nonce"), Since: draw[raft.Index](t, "since"),
			Settled: rapid.Bool().Draw(t, "settled"), Membership: drawMembership(t)}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Chunk{Term: draw[raft.Term](t, "term"), Round: draw[uint64](t, "round"), Index: draw[raft.Index](t, "index"),
			IndexTerm: draw[raft.Term](t, "index term"), Time: drawTime(t, "time"),
			Membership: drawMembership(t),
			Offset:     draw[uint64](t, "offset"), Total: draw[uint64](t, "total"),
			Sum: draw[uint64](t, "sum"), Data: drawBytes(t, "data")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.ChunkReceived{Term: draw[raft.Term](t, "term"), Round: draw[uint64](t, "round"),
			Index: draw[raft.Index](t, "index"), Offset: draw[uint64](t, "offset")}
	},
	func(t *rapid.T) raft.Message { return &raft.StaleTerm{Term: draw[raft.Term](t, "term")} },
	func(t *rapid.T) raft.Message { return &raft.TimeoutNow{Term: draw[raft.Term](t, "term")} },
	func(t *rapid.T) raft.Message {
		return &raft.ReadIndex{Term: draw[raft.Term](t, "term"), Ask: draw[uint64](t, "ask"), Lease: rapid.Bool().Draw(t, "lease")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.ReadIndexReply{Term: draw[raft.Term](t, "term"), Ask: draw[uint64](t, "ask"), Index: draw[raft.Index](t, "index"),
			Leased: rapid.Bool().Draw(t, "leased"), Last: draw[raft.Index](t, "last")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.Lease{Term: draw[raft.Term](t, "term"), Sent: drawTime(t, "sent")}
	},
	func(t *rapid.T) raft.Message {
		return &raft.LeaseReply{Term: draw[raft.Term](t, "term"), Sent: drawTime(t, "sent")}
	},
}

func drawHello(t *rapid.T) Hello {
	address := rapid.StringN(-1, -1, MaxAddress)
	h := Hello{
		From: draw[raft.ID](t, "from"), To: draw[raft.ID](t, "to"), Incarnation: draw[uint64](t, "incarnation"),
		Since:      draw[raft.Index](t, "since"),
		Supports:   lockfsm.Version(rapid.Byte().Draw(t, "supports")),
		Version:    lockfsm.Version(rapid.Byte().Draw(t, "version")),
		Membership: drawMembership(t),
		Client:     address.Draw(t, "client"), HTTP: address.Draw(t, "http"),
	}
	copy(h.Cluster[:], drawBytes(t, "cluster"))
	return h
}

func drawNumbered(t *rapid.T) lockfsm.Request {
	return lockfsm.Request{Session: draw[lockfsm.SessionID](t, "session"),
		Sequence: draw[lockfsm.Sequence](t, "sequence"), Acknowledged: draw[lockfsm.Sequence](t, "acknowledged")}
}

func drawWait(t *rapid.T) time.Duration {
	if rapid.Bool().Draw(t, "forever") {
		return lockfsm.Forever
	}
	return drawTime(t, "wait")
}

func drawRequest(t *rapid.T) server.Request {
	return rapid.SampledFrom(requestDraws).Draw(t, "request")(t)
}

var requestDraws = []func(*rapid.T) server.Request{
	func(t *rapid.T) server.Request {
		return lockfsm.Open{Nonce: draw[uint64](t, "nonce"), TTL: time.Duration(rapid.Int64().Draw(t, "ttl")), Owner: rapid.String().Draw(t, "owner")}
	},
	func(t *rapid.T) server.Request {
		return lockfsm.Renew{Sessions: []lockfsm.SessionID{draw[lockfsm.SessionID](t, "session")}}
	},
	func(t *rapid.T) server.Request {
		return lockfsm.Close{Session: draw[lockfsm.SessionID](t, "session")}
	},
	func(t *rapid.T) server.Request {
		return lockfsm.Acquire{Request: drawNumbered(t), Name: rapid.String().Draw(t, "name"), Value: drawText(t, "value"), Wait: drawWait(t)}
	},
	func(t *rapid.T) server.Request {
		return lockfsm.Release{Request: drawNumbered(t), Name: rapid.String().Draw(t, "name"), Token: draw[lockfsm.Token](t, "token")}
	},
	func(t *rapid.T) server.Request {
		return lockfsm.Cancel{Request: drawNumbered(t), Target: draw[lockfsm.Sequence](t, "target")}
	},
	func(t *rapid.T) server.Request {
		return server.Check{Name: rapid.String().Draw(t, "name"), Token: draw[lockfsm.Token](t, "token"), Lease: rapid.Bool().Draw(t, "lease")}
	},
	func(t *rapid.T) server.Request {
		return server.Show{Name: rapid.String().Draw(t, "name"), After: draw[lockfsm.Place](t, "after"), Limit: drawSize(t, "limit"), Lease: rapid.Bool().Draw(t, "lease")}
	},
	func(t *rapid.T) server.Request {
		return server.List{Prefix: rapid.String().Draw(t, "prefix"), After: rapid.String().Draw(t, "after"), Limit: drawSize(t, "limit"), Lease: rapid.Bool().Draw(t, "lease")}
	},
	func(t *rapid.T) server.Request {
		return server.Sessions{After: draw[lockfsm.SessionID](t, "after"), Limit: drawSize(t, "limit"), Lease: rapid.Bool().Draw(t, "lease")}
	},
	func(t *rapid.T) server.Request { return server.Inspect{} },
	func(t *rapid.T) server.Request { return server.Transfer{To: draw[raft.ID](t, "to")} },
	func(t *rapid.T) server.Request {
		id := func(t *rapid.T) raft.ID { return draw[raft.ID](t, "id") }
		return server.ChangeMembers{Change: raft.Change{
			Add: drawSlice(t, "add", drawMember), Promote: drawSlice(t, "promote", id), Remove: drawSlice(t, "remove", id),
		}}
	},
}

func drawReply(t *rapid.T) Reply {
	r := Reply{ID: draw[uint64](t, "id"), Answer: rapid.SampledFrom(answerDraws).Draw(t, "answer")(t)}
	if _, refused := r.Answer.(server.Refusal); refused {
		r.Leader = Address{Client: rapid.String().Draw(t, "client"), HTTP: rapid.String().Draw(t, "http")}
	}
	return r
}

var answerDraws = []func(*rapid.T) server.Answer{
	func(t *rapid.T) server.Answer { return drawResult(t) },
	func(t *rapid.T) server.Answer {
		return server.Checked{Valid: rapid.Bool().Draw(t, "valid"), Current: draw[lockfsm.Token](t, "current"),
			Last: draw[lockfsm.Token](t, "last"), Revision: draw[uint64](t, "revision")}
	},
	func(t *rapid.T) server.Answer {
		return server.Shown{Lock: drawLock(t), Waiters: drawSlice(t, "waiters", drawWaiter),
			Last: draw[lockfsm.Token](t, "last"), Revision: draw[uint64](t, "revision")}
	},
	func(t *rapid.T) server.Answer {
		return server.Listed{Locks: drawSlice(t, "locks", drawLock), More: rapid.Bool().Draw(t, "more"),
			Last: draw[lockfsm.Token](t, "last"), Revision: draw[uint64](t, "revision")}
	},
	func(t *rapid.T) server.Answer {
		return server.SessionsListed{Sessions: drawSlice(t, "sessions", drawSession), More: rapid.Bool().Draw(t, "more"),
			Revision: draw[uint64](t, "revision")}
	},
	func(t *rapid.T) server.Answer { return drawInspected(t) },
	func(t *rapid.T) server.Answer { return server.Transferred{Leader: draw[raft.ID](t, "leader")} },
	func(t *rapid.T) server.Answer {
		m := drawMembership(t)
		return server.MembersChanged{Membership: raft.Membership{Members: m.Members, Learners: m.Learners}}
	},
	func(t *rapid.T) server.Answer { return drawRefusal(t) },
}

func drawResult(t *rapid.T) lockfsm.Result {
	return lockfsm.Result{
		Status:  lockfsm.Status(rapid.SampledFrom(statusesOnTheWire()).Draw(t, "status")),
		Session: draw[lockfsm.SessionID](t, "session"), TTL: drawTime(t, "ttl"), Token: draw[lockfsm.Token](t, "token"),
		Current: draw[lockfsm.Token](t, "current"), Last: draw[lockfsm.Token](t, "last"),
		Place: draw[lockfsm.Place](t, "place"), Revision: draw[uint64](t, "revision"),
	}
}

func drawRefusal(t *rapid.T) server.Refusal {
	return server.Refusal{
		Reason: server.Reason(rapid.IntRange(int(server.NotLeader), int(server.Unknown)).Draw(t, "reason")),
		Leader: draw[raft.ID](t, "leader"), Detail: rapid.String().Draw(t, "detail"),
	}
}

func drawLock(t *rapid.T) lockfsm.LockView {
	return lockfsm.LockView{
		Name: rapid.String().Draw(t, "name"), Token: draw[lockfsm.Token](t, "token"), Session: draw[lockfsm.SessionID](t, "session"),
		Owner: rapid.String().Draw(t, "owner"), Value: drawText(t, "value"),
		Since: drawTime(t, "since"), Left: drawTime(t, "left"), Waiters: drawSize(t, "waiters"),
	}
}

func drawWaiter(t *rapid.T) lockfsm.WaiterView {
	return lockfsm.WaiterView{
		Place: draw[lockfsm.Place](t, "place"), Session: draw[lockfsm.SessionID](t, "session"),
		Owner: rapid.String().Draw(t, "owner"), Since: drawTime(t, "since"), Until: drawWait(t),
	}
}

func drawSession(t *rapid.T) lockfsm.SessionView {
	return lockfsm.SessionView{
		Session: draw[lockfsm.SessionID](t, "session"), Owner: rapid.String().Draw(t, "owner"),
		TTL: drawTime(t, "ttl"), Left: drawTime(t, "left"), Held: drawSize(t, "held"), Waiting: drawSize(t, "waiting"),
	}
}

func drawInspected(t *rapid.T) server.Inspected {
	return server.Inspected{
		Node: raft.Status{
			ID:   draw[raft.ID](t, "id"),
			Role: raft.Role(rapid.IntRange(int(raft.Follower), int(raft.Leader)).Draw(t, "role")),
			Term: draw[raft.Term](t, "term"), Vote: draw[raft.ID](t, "vote"),
			Leader: draw[raft.ID](t, "leader"), Transfer: draw[raft.ID](t, "transfer"),
			Commit: draw[raft.Index](t, "commit"), Applied: draw[raft.Index](t, "applied"),
			First: draw[raft.Index](t, "first"), Last: draw[raft.Index](t, "last"),
			Stable: draw[raft.Index](t, "stable"), Snapshot: draw[raft.Index](t, "snapshot"),
			Membership: drawMembership(t), Since: draw[raft.Index](t, "since"),
			Hole: raft.Hole{First: draw[raft.Index](t, "first missing"), Last: draw[raft.Index](t, "last missing")},
		},
		Time:    drawTime(t, "time"),
		Version: lockfsm.Version(rapid.Byte().Draw(t, "version")), Supports: lockfsm.Version(rapid.Byte().Draw(t, "supports")),
		Counts: lockfsm.Counts{
			Sessions: drawSize(t, "sessions"), Locks: drawSize(t, "locks"),
			Waiters: drawSize(t, "waiters"), Requests: drawSize(t, "requests"),
			Grants: draw[uint64](t, "grants"), Releases: draw[uint64](t, "releases"), Expiries: draw[uint64](t, "expiries"),
			TimedOut: draw[uint64](t, "timed out"), Cancels: draw[uint64](t, "cancels"),
		},
		Members: drawSlice(t, "progress", func(t *rapid.T) server.Progress {
			return server.Progress{Member: draw[raft.ID](t, "member"), Match: draw[raft.Index](t, "match"),
				Lag: draw[uint64](t, "lag"), Active: rapid.Bool().Draw(t, "active"),
				Learner: rapid.Bool().Draw(t, "learner"), Slow: rapid.Bool().Draw(t, "slow"),
				Supports: lockfsm.Version(rapid.Byte().Draw(t, "supports"))}
		}),
	}
}
