package lockfsm

import "time"

// Status says what became of a command. The numbers are in snapshots: they never change.
type Status uint8

// Statuses up to and including Waiting are successes, those behind are refusals: they
// changed nothing but the session's acknowledged mark.
const (
	OK      Status = 1 // opened, renewed, granted, released, canceled
	Waiting Status = 2 // queued: the answer comes with a later entry

	Busy              Status = 10 // somebody holds the lock, and the caller would not wait
	TimedOut          Status = 11 // the caller's bounded wait ran out
	Canceled          Status = 12 // a Cancel came before the grant
	UnknownSession    Status = 13 // never opened, closed, or expired
	StaleToken        Status = 14 // an older grant's: its holder lost or released the lock
	FutureToken       Status = 15 // no grant had this token yet
	ZeroToken         Status = 16
	WrongName         Status = 17 // the token is that of another lock's holder, or the target of a Cancel is no Acquire
	SequenceReused    Status = 18 // the request's number was used for another command
	SequenceForgotten Status = 19 // the client had acknowledged this number's answer
	InvalidName       Status = 20
	InvalidValue      Status = 21
	InvalidOwner      Status = 22
	InvalidTTL        Status = 23
	InvalidWait       Status = 24
	TooManySessions   Status = 25
	TooManyLocks      Status = 26
	TooManyWaiters    Status = 27
	TooManyRequests   Status = 28 // unacknowledged ones of one session
)

// Result is a command's answer.
type Result struct {
	Status  Status
	Session SessionID     // Open: the session; else the request's own
	TTL     time.Duration // Open: as granted
	Token   Token         // Acquire: the grant's own; else zero
	// Current is the token under which the lock is held after the entry, zero when nobody
	// holds it or the command is about no lock. Last is the highest token ever granted.
	Current  Token
	Last     Token
	Place    Place  // Acquire: its place in the log, if it was queued or granted; else zero
	Revision uint64 // index of the entry that decided
}

// Settled is the answer of an Acquire that had waited.
type Settled struct {
	Place  Place
	Result Result
}

// Renewal is the answer for one session of a Renew.
type Renewal struct {
	Session SessionID
	Status  Status // OK or UnknownSession
}

// Applied is what one entry did. Its slices are reused by the next Apply.
type Applied struct {
	Result   Result
	Renewals []Renewal   // of a Renew, in its order
	Settled  []Settled   // in the order in which they were decided
	Ended    []SessionID // sessions that are no more
}
