package client

import (
	"errors"
	"fmt"
	"strings"

	"lockd/client/session"
	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire/lockdv1"
)

// What an error of this package may be, by errors.Is.
var (
	// ErrBusy: somebody holds the lock, and the caller would not wait. Every such error is a *RefusedError.
	ErrBusy = errors.New("somebody holds the lock")
	// ErrTimedOut: the caller's bounded wait ran out. Every such error is a *RefusedError.
	ErrTimedOut = errors.New("the wait ran out")
	// ErrLost: the session came to its end against the caller's will. Nothing is held in it, nor will be.
	ErrLost = errors.New("the session is lost")
	// ErrUnknownOutcome: the request was sent, and nobody will ever tell what became of it.
	ErrUnknownOutcome = errors.New("the outcome is not known")
	// ErrClosed: the caller has closed the session or the client.
	ErrClosed = errors.New("the session is closed")
	// ErrNotHeld: there is nothing to unlock.
	ErrNotHeld = errors.New("the lock is not held")
)

// RefusedError says that a request was not carried out. Exactly one of Status and Reason is not zero.
type RefusedError struct {
	Operation string         // "lock", "unlock", "show"
	Subject   string         // the lock's name, if it is about one
	Status    lockfsm.Status // why, when the lock machine decided
	Reason    server.Reason  // why, when it did not come so far
	Detail    string         // for people; may be empty
}

func (e *RefusedError) Error() string {
	text := title(e.Operation, e.Subject) + ": refused: " + e.Why()
	if e.Detail != "" {
		text += ": " + strings.TrimSuffix(e.Detail, ".")
	}
	return text
}

// title is what an error is about: lock "film".
func title(operation, subject string) string {
	if subject == "" {
		return operation
	}
	return fmt.Sprintf("%s %q", operation, subject)
}

// Why is the reason in words: "busy", "stale token", "disk full".
func (e *RefusedError) Why() string {
	word := lockdv1.Result_Status(e.Status).String()
	if e.Reason != 0 {
		word = lockdv1.Refusal_Reason(e.Reason).String()
	}
	return strings.ToLower(strings.ReplaceAll(word, "_", " "))
}

// Is makes the refusals that a caller expects comparable to ErrBusy and ErrTimedOut, and one for a session that
// is no more to ErrLost.
func (e *RefusedError) Is(target error) bool {
	switch target {
	case ErrBusy:
		return e.Status == lockfsm.Busy
	case ErrTimedOut:
		return e.Status == lockfsm.TimedOut
	case ErrLost:
		return e.Status == lockfsm.UnknownSession
	}
	return false
}

// OutOfTimeError says that the caller's context ended before anybody answered. It wraps the context's error alone: the trouble
// that there was does not say what became of the request.
type OutOfTimeError struct {
	Operation string // and its subject: release "film"
	Cause     error  // of the context's end
	Trouble   error  // the latest since a server last answered, perhaps a *RefusedError; nil if there was none
}

func (e *OutOfTimeError) Error() string {
	text := e.Operation + ": " + e.Cause.Error()
	if e.Trouble != nil {
		text += " (latest trouble: " + e.Trouble.Error() + ")"
	}
	return text
}

func (e *OutOfTimeError) Unwrap() error { return e.Cause }

// fromSession is an error of package session in the words of this one.
func fromSession(operation, subject string, err error) error {
	refusal := &RefusedError{Operation: operation, Subject: subject}
	if invalid, ok := errors.AsType[*session.InvalidError](err); ok {
		refusal.Reason, refusal.Detail = server.Invalid, invalid.Detail
		return refusal
	}
	if status, ok := errors.AsType[*session.StatusError](err); ok {
		refusal.Status = status.Status
		return refusal
	}
	switch err {
	case session.ErrTooManyRequests:
		refusal.Status = lockfsm.TooManyRequests
		return refusal
	case session.ErrLost:
		err = ErrLost
	case session.ErrClosed:
		err = ErrClosed
	}
	return about(operation, subject, err)
}

func about(operation, subject string, err error) error {
	return fmt.Errorf("%s: %w", title(operation, subject), err)
}
