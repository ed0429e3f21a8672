package raft

import "time"

// ID names a member of the cluster. Zero is nobody.
type ID uint64

// Term is Raft's logical clock: it only rises, and has at most one leader (Raft §5.1).
type Term uint64

// Index is a position in the log. The first entry has index 1; zero stands before it.
type Index uint64

// Kind tells what an entry is for.
type Kind uint8

// The kinds of entry. The numbers are on disk and on the wire: they never change.
const (
	KindCommand Kind = 1 // for the state machine
	KindEmpty   Kind = 2 // the first entry of a leader's term (Raft §8)
	KindMembers Kind = 3 // a Membership, in force from the moment it stands in the log
)

// Entry is one place in the replicated log. Entries are immutable once they are in a log:
// slices of them, and their Data, are shared between the log, messages and records.
type Entry struct {
	Index Index
	Term  Term
	Kind  Kind
	Time  time.Duration // cluster time: never falls along the log
	Data  []byte
}

// Member is one node of the cluster.
type Member struct {
	ID ID
	// Incarnation was minted with the member's data directory. A node that
	// comes back with another one has lost what it promised, and is not this member.
	Incarnation uint64
	// Address is where the others reach it. It means nothing here. Empty: those who formed the cluster know.
	Address string
}

// Membership says who belongs to the cluster, each list sorted by ID. No two of its nodes have the same ID.
type Membership struct {
	Members []Member // the voters
	// Former are the voters of the membership that is being left. While there are any, both this and
	// the one that is being entered are in force: the membership is joint (thesis §4.3).
	Former   []Member
	Learners []Member // they get the log, and do not count
}

// Snapshot stands for every entry up to and including Index.
type Snapshot struct {
	Index      Index
	Term       Term
	Time       time.Duration // cluster time of the entry at Index
	Membership Membership
	Data       []byte // the encoded state machine; immutable
}

// Stored is what a node finds on its disk at start, or nothing at all for the first one.
type Stored struct {
	Term     Term
	Vote     ID
	Snapshot Snapshot // Index 0: none
	Entries  []Entry  // contiguous, beginning at Snapshot.Index+1
	// Damage is what was behind the entries and can't be read. Nil: nothing was.
	Damage *Damage
}

// Record is what must be written, as one unit, before the messages that rest on it may leave.
// The node counts records from 1; record number Sequence is durable when all before it are.
type Record struct {
	Sequence uint64
	Term     Term
	Vote     ID
	// Snapshot, when not nil, was received from the leader. It replaces the
	// whole log: Entries continue behind it.
	Snapshot *Snapshot
	// Entries are to be written at their indexes: whatever the log on disk holds at
	// the first one's index and beyond is cut off. Empty: nothing is cut.
	Entries []Entry
}

// Read is a linearizable read that may now be served from any state that has applied Index.
type Read struct {
	ID    uint64 // the caller's, as given to Node.Read
	Index Index
}

// Output is what a node wants done. Every part may be carried out at once and in any
// order, except that Install precedes Commit and both precede Reads.
type Output struct {
	Record  Record     // to be made durable; Sequence 0: nothing to write
	Send    []Envelope // may leave now: what rests on a record is held back by the node itself
	Install *Snapshot  // the state machine is to be replaced with this
	Commit  []Entry    // to be applied in order
	Reads   []Read     // to be served, once their index is applied
	// Refused are reads that no leader confirmed in time: it lost its leadership, or can't be reached.
	Refused []uint64
	// Membership says that who belongs to the cluster has changed: Node.Known tells.
	Membership bool
}

// Role is what a member is at the moment.
type Role uint8

// The roles of Raft figure 4, and the candidate's trial run of the thesis §9.6.
const (
	Follower Role = iota + 1
	PreCandidate
	Candidate
	Leader
)

func (r Role) String() string {
	return [...]string{"none", "follower", "pre-candidate", "candidate", "leader"}[r]
}
