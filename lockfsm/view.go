package lockfsm

import "time"

// LockView is a lock as it stands. A lock that nobody holds and nobody waits for does not exist: its view has only a name.
type LockView struct {
	Name    string
	Token   Token // zero: free
	Session SessionID
	Owner   string // the holder's session's
	Value   []byte
	Since   time.Duration // cluster time of the grant
	// Left is what remains of the holder's session, not below zero, as of the last entry applied.
	Left    time.Duration
	Waiters int
}

// WaiterView is one place in a lock's queue.
type WaiterView struct {
	Place   Place
	Session SessionID
	Owner   string
	Since   time.Duration // cluster time of its Acquire
	Until   time.Duration // cluster time at which it gives up; Forever: never
}

// SessionView is a session as it stands.
type SessionView struct {
	Session SessionID
	Owner   string
	TTL     time.Duration
	Left    time.Duration // as in LockView
	Held    int           // locks it holds
	Waiting int           // queues it stands in
}

// Counts are the sizes of the machine, and what it has done since it was born; they are part of its state.
type Counts struct {
	Sessions, Locks, Waiters, Requests int

	Grants   uint64 // tokens granted
	Releases uint64 // grants given back by Release, Cancel or Withdraw; the others ended with their sessions
	Expiries uint64 // sessions ended by Expire
	TimedOut uint64 // bounded waits that ran out
	Cancels  uint64 // Acquires taken back before their grant by Cancel or Withdraw
}
