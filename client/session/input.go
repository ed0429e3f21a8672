package session

import (
	"time"

	"lockd/lockfsm"
)

// Endpoint is a server's number: 0 up to, not including, Config.Endpoints.
type Endpoint int

// Nowhere is the Leader of a Refusal whose sender knows of no leader, or of none among the endpoints.
const Nowhere Endpoint = -1

// Handle is the application's name for one Acquire and for the lock it brings. The
// application chooses a fresh one each time.
type Handle uint64

// Correlation names one sending of one request. The server returns it with the answer.
type Correlation uint64

// Input is one of the structs below, by value.
type Input interface{ isInput() }

// Answer is the lock machine's answer to a command that was carried out. For a Renew its Status is the
// session's own Renewal: OK or UnknownSession. An answer with the status Waiting may come or be left
// out: it announces that another will follow under the same correlation.
type Answer struct {
	Correlation Correlation
	Result      lockfsm.Result
}

// Refusal is a server's word that a command was not carried out, or, with the reason FateUnknown, that
// its fate is not known there.
type Refusal struct {
	Correlation Correlation
	Reason      Reason
	Leader      Endpoint // who leads, as far as the sender knows; else Nowhere
	Detail      string   // for people
}

// Disconnected says that the connection to an endpoint broke or could not be made: what was sent there
// and not answered will not be answered. A Send makes a new attempt to connect.
type Disconnected struct {
	Endpoint Endpoint
}

// Acquire asks for a lock. Its outcome is Granted, Refused, Rejected, Lost or Unknown.
type Acquire struct {
	Handle Handle
	Name   string
	Value  []byte        // not changed by the caller afterwards
	Wait   time.Duration // lockfsm.NoWait, lockfsm.Forever, or at most so much cluster time
}

// Release gives a granted lock back; before the grant it does what Cancel does. From this step on the handle
// is not held. A second one adds nothing. Its outcome is Released, Refused, Rejected, Lost or Unknown.
type Release struct {
	Handle Handle
}

// Cancel takes an Acquire back; after the grant it does what Release does. Its outcome is
// Canceled, Rejected or Unknown, and then the Acquire has no other.
type Cancel struct {
	Handle Handle
}

// Close ends the session. From this step on nothing is held. The servers hand over its locks.
type Close struct{}

// Timeout does nothing but tell the time: the Deadline has come.
type Timeout struct{}

func (Answer) isInput()       {}
func (Refusal) isInput()      {}
func (Disconnected) isInput() {}
func (Acquire) isInput()      {}
func (Release) isInput()      {}
func (Cancel) isInput()       {}
func (Close) isInput()        {}
func (Timeout) isInput()      {}

// Reason says why a server refused a command.
type Reason uint8

// All but Unknown mean: not carried out.
const (
	NotLeader   Reason = iota + 1
	Overloaded         // later
	Invalid            // it can never succeed as it is
	DiskFull           // later, when there is room
	Stopping           // the server is handing over
	FateUnknown        // it may have been carried out, or may yet be
)
