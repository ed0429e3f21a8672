package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"lockd/client"
	"lockd/lockfsm"
	"lockd/server"
)

// The exit codes of all commands. Most are those of sysexits.h.
const (
	exitNo          = 1
	exitUsage       = 64
	exitRefused     = 65
	exitUnavailable = 69
	exitSystem      = 71
	exitLost        = 74
	exitLater       = 75
	exitNotRunnable = 126
	exitNotFound    = 127
	exitSignal      = 128
)

const exitCodesHelp = `The exit codes are the same for all commands:

    0  done; for check: the token is the lock's current one
    1  no: the lock is held by somebody else (lock and acquire with -n or -w; another code with
       lock --conflict-exit-code), or the token is not the lock's current one (check)
   64  usage: a flag, variable, configuration key, argument or value is wrong; recover and snapshot
       restore: nothing was done, for want of --confirm
   65  the servers refused: the token is stale, the session is no more
   69  no server could be reached, or none led, before --timeout was over, or the answer never came
   71  this machine refused: a port in use, a file that can't be read or written, a data directory in use
   74  lock: the lock was lost, and the command was ended
   75  the servers refused for now: a limit is reached, or a disk is full; try again later
  126  lock: the command can't be run
  127  lock: the command was not found
  128+n  ended by signal n

lock passes the exit status of its command on, and 128+n when signal n ended it.
`

// failure is an error with the exit code that it leads to.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code int, format string, args ...any) error {
	return &failure{code: code, err: fmt.Errorf(format, args...)}
}

func usageError(format string, args ...any) error { return fail(exitUsage, format, args...) }

// quietExit is the exit code of a command that has said all there is to say.
type quietExit int

func (q quietExit) Error() string { return fmt.Sprintf("exit status %d", int(q)) }

// interrupted is the cause of a context that ended with a signal.
type interrupted struct{ signal syscall.Signal }

func (i interrupted) Error() string { return "interrupted by a signal: " + i.signal.String() }

// exitCode finds an error in the table.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if quiet, is := errors.AsType[quietExit](err); is {
		return int(quiet)
	}
	if f, is := errors.AsType[*failure](err); is {
		return f.code
	}
	if stopped, is := errors.AsType[interrupted](err); is {
		return exitSignal + int(stopped.signal)
	}
	if refused, is := errors.AsType[*client.RefusedError](err); is {
		return refusalCode(refused)
	}
	switch {
	case errors.Is(err, client.ErrLost):
		return exitLost
	case lastRefusal(err) != nil:
		return exitLater
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, client.ErrUnknownOutcome):
		return exitUnavailable
	}
	return exitSystem
}

// lastRefusal is why the servers would not take a call on until its time was over, if it is for a reason that may pass. They were
// reached then, which is what a caller wants to know first.
func lastRefusal(err error) *client.RefusedError {
	late, is := errors.AsType[*client.OutOfTimeError](err)
	if !is || !errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	refused, is := errors.AsType[*client.RefusedError](late.Trouble)
	if !is || refusalCode(refused) != exitLater {
		return nil
	}
	return refused
}

func refusalCode(refused *client.RefusedError) int {
	switch refused.Reason {
	case server.Invalid:
		return exitUsage
	case server.Overloaded, server.DiskFull:
		return exitLater
	}
	switch refused.Status {
	case lockfsm.Busy, lockfsm.TimedOut:
		return exitNo
	case lockfsm.InvalidName, lockfsm.InvalidValue, lockfsm.InvalidOwner, lockfsm.InvalidTTL, lockfsm.InvalidWait, lockfsm.ZeroToken:
		return exitUsage
	case lockfsm.TooManySessions, lockfsm.TooManyLocks, lockfsm.TooManyWaiters, lockfsm.TooManyRequests:
		return exitLater
	}
	return exitRefused
}

// sentence is an error on one line, with what can be done about it where that is not plain from its words.
func sentence(err error) string {
	text := oneLine(err)
	if hint := hint(err); hint != "" {
		text += ": " + hint
	}
	return text
}

func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

func hint(err error) string {
	if refused, is := errors.AsType[*client.RefusedError](err); is {
		return statusHints[refused.Status]
	}
	if refused := lastRefusal(err); refused != nil {
		return "the servers refuse for now: " + refused.Why() + "; try again later"
	}
	switch {
	case errors.Is(err, client.ErrUnknownOutcome):
		return "the answer was lost; look with lockd show"
	case errors.Is(err, context.DeadlineExceeded) && inTheClear(err):
		return "do the servers expect TLS? (--tls?)"
	case errors.Is(err, context.DeadlineExceeded) && exitCode(err) == exitUnavailable:
		return "do the servers run at --endpoints, and do most of them reach each other? (--timeout waits longer)"
	case errors.Is(err, os.ErrPermission):
		return "may this user do that?"
	}
	return ""
}

// inTheClear says that a server hung up on a connection before its first word, as one does that expects TLS.
func inTheClear(err error) bool { return strings.Contains(err.Error(), "error reading server preface") }

var statusHints = map[lockfsm.Status]string{
	lockfsm.Busy:           "lockd show tells who holds it, -w waits for it",
	lockfsm.TimedOut:       "lockd show tells who holds it",
	lockfsm.StaleToken:     "its holder has released or lost the lock; nothing was changed",
	lockfsm.FutureToken:    "no grant had this token yet",
	lockfsm.ZeroToken:      "zero is never a token",
	lockfsm.WrongName:      "the token is another lock's",
	lockfsm.UnknownSession: "it has expired or was closed; acquire the lock anew",
	lockfsm.InvalidName:    "a name is 1 to 255 bytes of text without control characters",
	lockfsm.InvalidValue:   "a value is at most 4096 bytes",
	lockfsm.InvalidTTL:     "a TTL is from 1s to 24h",
	lockfsm.InvalidWait:    "a wait is at most 24h, or forever",
}
