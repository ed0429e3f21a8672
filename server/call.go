package server

import (
	"time"

	"lockd/lockfsm"
	"lockd/raft"
)

// CallID is the shell's name for a call in flight. It chooses a fresh one for each call.
type CallID uint64

// Request is what a call asks for: one of the lockfsm commands Open, Renew, Close, Acquire, Release and
// Cancel, by value, or one of the queries below.
type Request any

// The queries Check, Show, List and Sessions may say that the leader's lease is good enough for their answer (raft.ByLease).

// Check asks whether a token is its lock's current one.
type Check struct {
	Name  string
	Token lockfsm.Token
	Lease bool
}

// Show asks for one lock, its holder and up to Limit of its waiters behind After.
type Show struct {
	Name  string
	After lockfsm.Place
	Limit int
	Lease bool
}

// List asks for up to Limit locks in order of name, beginning behind After, with a prefix.
type List struct {
	Prefix string
	After  string
	Limit  int
	Lease  bool
}

// Sessions asks for up to Limit sessions in order of their number, beginning behind After.
type Sessions struct {
	After lockfsm.SessionID
	Limit int
	Lease bool
}

// Inspect asks a node how it sees itself and the cluster. Every node answers, from what it knows.
type Inspect struct{}

// Transfer asks the leader to hand over to another member, or, when To is zero, to the best one.
type Transfer struct {
	To raft.ID
}

// ChangeMembers asks the leader to change who belongs to the cluster, all in one step.
type ChangeMembers struct {
	raft.Change
}

// Backup asks for a snapshot of the machine at a confirmed index.
type Backup struct{}

// Answer is what a call gets: a lockfsm.Result for a command, one of the answers below for a query, or a Refusal.
type Answer any

// Checked answers a Check.
type Checked struct {
	Valid    bool
	Current  lockfsm.Token // zero: nobody holds the lock
	Last     lockfsm.Token
	Revision uint64
}

// Shown answers a Show.
type Shown struct {
	Lock     lockfsm.LockView
	Waiters  []lockfsm.WaiterView
	Last     lockfsm.Token
	Revision uint64
}

// Listed answers a List.
type Listed struct {
	Locks    []lockfsm.LockView
	More     bool
	Last     lockfsm.Token
	Revision uint64
}

// SessionsListed answers a Sessions.
type SessionsListed struct {
	Sessions []lockfsm.SessionView
	More     bool
	Revision uint64
}

// Transferred answers a Transfer: leadership has passed on.
type Transferred struct {
	Leader raft.ID
}

// MembersChanged answers a ChangeMembers: this membership is committed, and in force alone.
type MembersChanged struct {
	Membership raft.Membership
}

// BackedUp answers a Backup: the machine as it stood at Snapshot.Index, for the shell to
// encode, which fills in Snapshot.Data.
type BackedUp struct {
	Snapshot raft.Snapshot
	Machine  *lockfsm.Snapshot
}

// Inspected answers an Inspect.
type Inspected struct {
	Node    raft.Status
	Time    time.Duration // cluster time as this node has applied it
	Counts  lockfsm.Counts
	Version lockfsm.Version // in force, as this node has applied it
	// Supports is the latest version that this node's program can read.
	Supports lockfsm.Version
	Members  []Progress // from a leader: how far each member is
}

// Progress is how far a leader sees one member.
type Progress struct {
	Member raft.ID
	Match  raft.Index // durable there and equal to the leader's log
	Lag    uint64     // entries between Match and the leader's last
	Active bool       // heard from within an election timeout
	// Learner says that it does not vote yet, and Slow that it did not catch up in as many rounds as it gets.
	Learner, Slow bool
	// Supports is the latest version that its program can read, as it last said. Zero: it has not said it to this leader.
	Supports lockfsm.Version
}

// Reason says why a call was refused before it did anything, or that nobody knows.
type Reason uint8

// All but Unknown mean: not executed.
const (
	NotLeader  Reason = iota + 1 // Leader tells who is, zero when nobody is known
	Overloaded                   // a bound of this node is reached: later
	Invalid                      // the request can never succeed as it is
	DiskFull                     // this node has no room to keep the request
	Stopping                     // this node is handing over and shutting down
	Unknown                      // the request was proposed and its fate is not known: repeat it with the same number
)

// Refusal is the answer of a call that was not executed, or whose outcome is unknown.
type Refusal struct {
	Reason Reason
	Leader raft.ID
	Detail string // one sentence for people
}
