package session

import (
	"errors"
	"fmt"

	"lockd/lockfsm"
)

// Output is what the steps since the last Drain brought about. Both lists are in order.
type Output struct {
	Sends  []Send
	Events []Event
}

// Send asks for a command to be sent to an endpoint, connecting to it where there is no connection. When
// that fails, now or later, a Disconnected is stepped.
type Send struct {
	Endpoint    Endpoint
	Correlation Correlation
	Command     lockfsm.Command
}

// Event is one of the structs below, by value: something the application is told.
type Event interface{ isEvent() }

// Changed says that the session's state is another one now.
type Changed struct {
	State State
}

// NotOpened says that the servers will not open the session. Err is a *StatusError or an *InvalidError. The
// session is lost.
type NotOpened struct {
	Err error
}

// Ended says that the session has nothing more to send. It may be dropped; what is asked of it all the same is rejected.
type Ended struct{}

// Granted says that the lock was granted. Result.Token is its fencing token.
type Granted struct {
	Handle Handle
	Result lockfsm.Result
}

// Refused is the lock machine's refusal of an Acquire or a Release, which changed nothing. The handle is done with.
type Refused struct {
	Handle Handle
	Result lockfsm.Result
}

// Released says that the lock was given back by this handle's Release, or by the closing of the session,
// whose answer Result is then. The handle is done with.
type Released struct {
	Handle Handle
	Result lockfsm.Result
}

// Canceled says that the handle's Acquire was taken back, together with the grant if there was one. The
// handle is done with.
type Canceled struct {
	Handle Handle
	Result lockfsm.Result
}

// Rejected says that a request was not carried out and never will be. Err is one of the errors of this
// package. The handle is done with, except after a Release or Cancel of a handle that was not known anyway.
type Rejected struct {
	Handle Handle
	Err    error
}

// Lost says that a lock was granted and is held no more, because the session came to its end, or because
// somebody else had released it by its token before its grant was heard of. The handle is done with.
type Lost struct {
	Handle Handle
}

// Unknown says that a request was sent and that nobody will ever tell what became of it. What it may
// have brought ends with the session. The handle is done with.
type Unknown struct {
	Handle Handle
}

func (Changed) isEvent()   {}
func (NotOpened) isEvent() {}
func (Ended) isEvent()     {}
func (Granted) isEvent()   {}
func (Refused) isEvent()   {}
func (Released) isEvent()  {}
func (Canceled) isEvent()  {}
func (Rejected) isEvent()  {}
func (Lost) isEvent()      {}
func (Unknown) isEvent()   {}

// State is how a session stands.
type State uint8

// A session is Opening, then goes to and fro between Safe and Jeopardy until it is Gone or Closed for ever.
const (
	Opening  State = iota + 1
	Safe           // granted locks are held
	Jeopardy       // they are held, but a renewal is overdue and no more than a third of the lease is left
	Gone           // the lease is over, or the servers ended the session: nothing is held
	Closed         // the application closed it: nothing is held
)

// String names the state as the application's user knows it.
func (s State) String() string {
	switch s {
	case Opening:
		return "opening"
	case Safe:
		return "held"
	case Jeopardy:
		return "jeopardy"
	case Gone:
		return "lost"
	case Closed:
		return "closed"
	}
	panic(fmt.Sprintf("session: %d is no state", uint8(s)))
}

// The errors with which a request is rejected. An *InvalidError is another.
var (
	ErrTooManyRequests = errors.New("session: too many requests are unanswered")
	ErrLost            = errors.New("session: the session is lost")
	ErrClosed          = errors.New("session: the session is closed")
	ErrCanceled        = errors.New("session: canceled before it was sent")
	ErrNotHeld         = errors.New("session: nothing is held or asked for under this handle")
)

// InvalidError is a server's judgement that a request can never succeed as it is.
type InvalidError struct {
	Detail string
}

func (e *InvalidError) Error() string { return "session: invalid request: " + e.Detail }

// StatusError is the lock machine's refusal to open a session.
type StatusError struct {
	Status lockfsm.Status
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("session: the servers refuse to open a session: status %d", e.Status)
}
