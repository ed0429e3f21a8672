package lockfsm

import "time"

// SessionID names a session. Zero is none.
type SessionID uint64

// Token is a fencing token: every grant of every lock takes the next one. Zero is never a token.
type Token uint64

// Sequence numbers a session's requests, from 1. Zero marks a request that is not
// repeated and needs no answer kept.
type Sequence uint64

// Place is the position of an Acquire in the log, and so in the queue: it names a
// waiter for as long as it waits.
type Place uint64

// Command is one of the structs below, by value.
type Command interface{ isCommand() }

// Open begins a session. The same nonce finds the same session again while that lives,
// so that an Open whose answer was lost may be repeated; zero opens a new one each time.
type Open struct {
	Nonce uint64
	TTL   time.Duration // MinTTL to MaxTTL
	Owner string        // for people: host and process, say
}

// Renew gives each session its full TTL again, from the entry's time on.
type Renew struct {
	Sessions []SessionID
}

// Close ends a session: its locks go to the next waiters, its own waiters leave their queues.
type Close struct {
	Session SessionID
}

// Expire ends sessions whose deadline is still the one named: a renewal that came
// before it in the log has moved the deadline, and keeps the session.
type Expire struct {
	Sessions []Expiry
}

// Expiry names a session and the deadline at which the leader saw it end.
type Expiry struct {
	Session  SessionID
	Deadline time.Duration // cluster time
}

// Request is what makes a command exactly-once: a repeated (Session, Sequence) finds its first answer.
type Request struct {
	Session  SessionID
	Sequence Sequence
	// Acknowledged is the highest number up to which the client has all answers:
	// those need not be kept any longer.
	Acknowledged Sequence
}

// How long an Acquire waits.
const (
	NoWait  time.Duration = 0
	Forever time.Duration = -1
)

// Acquire asks for a lock. Locks are not reentrant: a second Acquire of the same session queues like any other.
type Acquire struct {
	Request
	Name  string
	Value []byte        // for people, shown with the lock while it is held
	Wait  time.Duration // NoWait, Forever, or at most so much cluster time
}

// Release gives a lock back. The token alone says which grant is meant, so
// Session may be zero; a token that is not the holder's changes nothing.
type Release struct {
	Request
	Name  string
	Token Token
}

// Cancel takes an earlier Acquire of the session back, whatever has become of it: a
// waiter leaves its queue, a lock that was granted meanwhile is released, and an Acquire
// that arrives only later is refused.
type Cancel struct {
	Request
	Target Sequence
}

// Withdraw takes back the Acquire at Place when its caller went away and it has no Sequence
// by which anyone could ask for it again.
type Withdraw struct {
	Name  string
	Place Place
}

// Clock does nothing but carry the entry's time.
type Clock struct{}

// Upgrade raises the version in force to To, if it is lower: what comes behind this entry may be written in that version.
type Upgrade struct {
	To Version
}

func (Open) isCommand()     {}
func (Renew) isCommand()    {}
func (Close) isCommand()    {}
func (Expire) isCommand()   {}
func (Acquire) isCommand()  {}
func (Release) isCommand()  {}
func (Cancel) isCommand()   {}
func (Withdraw) isCommand() {}
func (Clock) isCommand()    {}
func (Upgrade) isCommand()  {}
