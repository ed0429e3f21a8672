package raft

import "time"

// Envelope carries one message between two members.
type Envelope struct {
	From, To ID
	// Incarnation is the sender's. What a node says in answer counts for the member of its own incarnation, never for
	// one that has the same ID since. A connection on which one node sends may carry it once for all.
	Incarnation uint64
	Message     Message
}

// Message is one of the structs below, by pointer. A message is immutable once it
// was put in an envelope.
type Message interface {
	// term is the sender's, by which the receiver dates the message.
	term() Term
}

// PreVote asks whether a vote would be granted, and changes nothing (thesis §9.6).
type PreVote struct {
	Term      Term // the sender's own, not yet raised
	LastIndex Index
	LastTerm  Term
	// Attempt tells this poll's answers from an earlier one's.
	Attempt uint64
}

// PreVoteReply answers a PreVote.
type PreVoteReply struct {
	Term    Term // the voter's own
	Attempt uint64
	Granted bool
}

// Vote is RequestVote of figure 2.
type Vote struct {
	Term      Term // the candidate's
	LastIndex Index
	LastTerm  Term
	// Transfer says that the leader itself asked for this election, so a voter
	// need not protect it (thesis §4.2.3).
	Transfer bool
}

// VoteReply answers a Vote.
type VoteReply struct {
	Term    Term
	Granted bool
}

// Append is AppendEntries of figure 2; without entries it is a heartbeat.
type Append struct {
	Term      Term
	PrevIndex Index
	PrevTerm  Term
	Commit    Index
	// Round is the leader's count of the rounds in which it asked for
	// confirmation: an answer confirms leadership up to its own round only.
	Round   uint64
	Entries []Entry
}

// Appended says that the sender's log equals the leader's up to Match, durably.
type Appended struct {
	Term  Term
	Round uint64
	Match Index
	Full  bool // the sender's disk has no room
	// Version is Config.Version of the sender.
	Version uint8
}

// Mismatch says that the sender's log has no entry of PrevTerm at PrevIndex.
type Mismatch struct {
	Term      Term
	Round     uint64
	PrevIndex Index // as in the Append that is refused
	// Last is the sender's last index, and ConflictTerm the term of its entry
	// at PrevIndex (0: the log ends before) with ConflictIndex its first index
	// of that term, so that the leader skips a whole term in one step (Raft §5.3).
	Last          Index
	ConflictTerm  Term
	ConflictIndex Index
}

// Lost says, instead of a Mismatch, that the sender's disk is damaged: whatever it acknowledged behind Last, it can't read any more.
type Lost struct {
	Term      Term
	Round     uint64
	PrevIndex Index // as in the Append that is refused
	Last      Index // where to look next; before PrevIndex
}

// Fetch asks for the entries right before one that the sender can read. It may come in any term and changes nothing.
type Fetch struct {
	Term      Term
	Index     Index // of the entry that the sender has
	EntryTerm Term
	From      Index // the first entry that it can use
}

// Fetched answers a Fetch.
type Fetched struct {
	Term      Term
	Index     Index // as in the Fetch
	EntryTerm Term
	// Entries are those right before Index, as far as they are readable here and fit into a message, and PrevTerm is the term of the entry
	// before the first of them. None, and zero: they are not to be had here.
	PrevTerm Term
	Entries  []Entry
}

// Plea asks for a piece of the receiver's snapshot, by a member that has none. It changes nothing.
type Plea struct {
	Term      Term
	Index     Index // of the snapshot of which the sender has a part; zero: of none
	IndexTerm Term
	Offset    uint64 // how many bytes of its data
}

// Bequest answers a Plea.
type Bequest struct {
	Term       Term
	Index      Index // the snapshot's
	IndexTerm  Term
	Time       time.Duration
	Membership Membership
	Offset     uint64
	Total      uint64 // length of the snapshot's data
	Sum        uint64 // CRC32C of all of it
	Data       []byte
}

// Oath asks for the receiver's term, by a member that does not know its own any more. It changes nothing.
type Oath struct {
	Term  Term   // as far as the sender can read
	Nonce uint64 // drawn by the sender's process
}

// Sworn answers an Oath.
type Sworn struct {
	Term  Term // the sender's own
	Nonce uint64
	// Membership is the one in force at the sender, Since is where it stands in the log, and Settled says that it is committed.
	Since      Index
	Settled    bool
	Membership Membership
}

// Chunk is a piece of a snapshot (Raft §7).
type Chunk struct {
	Term       Term
	Round      uint64
	Index      Index // the snapshot's
	IndexTerm  Term
	Time       time.Duration
	Membership Membership
	Offset     uint64
	Total      uint64 // length of the snapshot's data
	Sum        uint64 // CRC32C of all of it
	Data       []byte
}

// ChunkReceived says how many bytes of the snapshot at Index the sender has.
type ChunkReceived struct {
	Term   Term
	Round  uint64
	Index  Index
	Offset uint64 // the next byte that is wanted
}

// StaleTerm answers a leader of an older term, which steps down when it learns of Term.
type StaleTerm struct {
	Term Term
}

// TimeoutNow tells the receiver to campaign at once (thesis §3.10).
type TimeoutNow struct {
	Term Term
}

// ReadIndex asks the leader up to where a read must have applied the log that began before this was sent (thesis §6.4).
type ReadIndex struct {
	Term Term
	Ask  uint64 // the follower's own number for it
	// Lease says that the reads may go by the leader's lease.
	Lease bool
}

// ReadIndexReply answers a ReadIndex, by a leader that was confirmed after it had come.
type ReadIndexReply struct {
	Term  Term
	Ask   uint64
	Index Index
	// Leased says that the leader may rely on promises that it asked for before.
	Leased bool
	Last   Index // the end of the leader's log
}

// Lease asks a follower to elect nobody else for one election timeout (thesis §6.4.1).
type Lease struct {
	Term Term
	Sent time.Duration // when, by the leader's clock
}

// LeaseReply says that its sender has promised so.
type LeaseReply struct {
	Term Term
	Sent time.Duration // as in the Lease
}

func (m *PreVote) term() Term        { return m.Term }
func (m *PreVoteReply) term() Term   { return m.Term }
func (m *Vote) term() Term           { return m.Term }
func (m *VoteReply) term() Term      { return m.Term }
func (m *Append) term() Term         { return m.Term }
func (m *Appended) term() Term       { return m.Term }
func (m *Mismatch) term() Term       { return m.Term }
func (m *Lost) term() Term           { return m.Term }
func (m *Fetch) term() Term          { return m.Term }
func (m *Fetched) term() Term        { return m.Term }
func (m *Plea) term() Term           { return m.Term }
func (m *Bequest) term() Term        { return m.Term }
func (m *Oath) term() Term           { return m.Term }
func (m *Sworn) term() Term          { return m.Term }
func (m *Chunk) term() Term          { return m.Term }
func (m *ChunkReceived) term() Term  { return m.Term }
func (m *StaleTerm) term() Term      { return m.Term }
func (m *TimeoutNow) term() Term     { return m.Term }
func (m *ReadIndex) term() Term      { return m.Term }
func (m *ReadIndexReply) term() Term { return m.Term }
func (m *Lease) term() Term          { return m.Term }
func (m *LeaseReply) term() Term     { return m.Term }
