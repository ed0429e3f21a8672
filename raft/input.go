package raft

// Input is something that happened to a node: one of the structs below, by value.
type Input interface{ isInput() }

// Receive is a message from another member.
type Receive struct{ Envelope Envelope }

// Persisted says that the record with this sequence number, and all before it, are durable.
type Persisted struct{ Sequence uint64 }

// Snapshotted says that the state machine's snapshot at an index this node had committed is durable: the log may
// forget what came before it. It must not have been begun before Covered reached its index.
type Snapshotted struct{ Snapshot Snapshot }

// Timeout is due when Node.Deadline has come. Too early or too often is harmless.
type Timeout struct{}

// Unreachable says that messages to a member were lost on this side: its queue was
// full or its connection broke.
type Unreachable struct{ Member ID }

// Closed says that the connection on which a member sends was closed by the other side, as it is when that member's
// process ends. It is a hint and no more: a follower whose leader is concerned asks for an election soon, instead of waiting for
// its patience to run out, and those who still hear that leader refuse. Who has promised that leader to elect nobody else
// keeps the promise first.
type Closed struct{ Member ID }

// Room says whether the disk has room for more records. A member tells its leader, so that leadership goes to one that has some.
type Room struct{ Full bool }

func (Receive) isInput()     {}
func (Persisted) isInput()   {}
func (Snapshotted) isInput() {}
func (Timeout) isInput()     {}
func (Unreachable) isInput() {}
func (Closed) isInput()      {}
func (Room) isInput()        {}
