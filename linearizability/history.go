package linearizability

import "time"

// History is what the clients of a lock service did, and what they were told.
type History struct {
	// Drift is by how many parts in a million the service's clocks may run fast against true time, and Slack by how much more
	// they may have jumped ahead altogether: no session may end earlier than that allows.
	Drift int64
	Slack time.Duration
	// Operations are in no particular order.
	Operations []Operation
}

// Operation is one call of a client, and its answer. Which fields mean something depends on the kind, and is said at each.
type Operation struct {
	Kind    Kind
	Outcome Outcome
	Client  int32
	Lock    string // Acquire, Release, Check, Read, Write
	Session uint64 // Open, once answered; Renew, Close, Acquire, Release
	// Token is what an Acquire was granted, and what a Release, Check, Read or Write shows.
	Token uint64
	// Current is the token under which the lock was held when the answer was decided, zero when nobody held it; Tells says
	// that the answer told it at all.
	Current uint64
	Tells   bool
	// Revision orders the decided answers of a service that numbers them; zero: it does not.
	Revision uint64
	Value    uint64        // Read: what was read; Write: what was written
	Base     uint64        // Write: what its writer had read before
	TTL      time.Duration // Open

	// Call and Return are where the operation began and ended in the order of all events of the history, from 1; no two events
	// share a number. Return is Never when no answer came.
	Call, Return uint64
	// Called and Returned are the same in true time. Nothing but the earliest legal end of a session is reckoned with them.
	Called, Returned time.Duration
}

// Never is the return of an operation that was not answered.
const Never = ^uint64(0)

// Kind is what a client called.
type Kind uint8

// The kinds. Reads and writes go to the resource that a lock protects, all others to the lock service.
const (
	Open    Kind = iota + 1 // begins a session
	Renew                   // gives a session its whole TTL again
	Close                   // ends a session
	Acquire                 // asks for a lock, and may wait
	Release                 // gives a lock back under its token
	Check                   // asks whether a token is the holder's
	Read                    // reads the resource under a token
	Write                   // writes the resource under a token
)

// Outcome is what a client was told.
type Outcome uint8

// The outcomes.
const (
	// Unknown: no answer, or one that says nothing. The operation may have been carried out, at any time after its call, or not.
	Unknown  Outcome = iota
	Done             // opened, renewed, closed, granted, released, read, written; Check: the token is the holder's
	Refused          // not done, for good: busy, timed out, stale token, no such session; Check: the token is not the holder's
	Rejected         // not executed at all: the answer says nothing of the lock's state
)
