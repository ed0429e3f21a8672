package server

import "lockd/raft"

// Input is something that happened: any raft.Input, or one of the structs below, by value.
type Input any

// Call is a request of a client. Its ID must not be in use.
type Call struct {
	ID      CallID
	Request Request
}

// Hangup says that whoever made the call does not wait for its answer any more. An Acquire without a
// number is taken back, because nobody could ever ask for it again.
type Hangup struct{ ID CallID }

// Stop asks the node to hand its leadership over and take no more calls. Server.Stopped tells when it is done.
type Stop struct{}

// Rot says that something on the disk is damaged that a snapshot at the index or later takes the place of: the next one is taken as soon as
// the machine is as far. Whoever sees the damage says so again until it is gone.
type Rot struct{ Through raft.Index }

// Output is what a server wants done. Its slices are valid until the next Drain.
type Output struct {
	Record  raft.Record     // to be made durable; Sequence 0: nothing
	Send    []raft.Envelope // to be sent to other members
	Replies []Reply
	// Membership says that who belongs to the cluster has changed: Server.Node tells.
	Membership bool
	// Snapshot, when not nil, is to be encoded and made durable, and then reported by raft.Snapshotted.
	Snapshot *Snapshotting
	// Outdated, when not nil, is an *Outdated: this node was sent what its program can't read, and must be ended. Nothing else is to be done then.
	Outdated error
}

// Reply is the answer of a call.
type Reply struct {
	Call   CallID
	Answer Answer
}
