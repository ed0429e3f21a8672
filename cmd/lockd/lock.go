package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockd/client"
)

// farewell bounds how long lock waits for the servers to take a lock back, when its command has ended.
const farewell = 2 * time.Second

func newLock(environment []string) *cobra.Command {
	command := &cobra.Command{
		Use:                   "lock [FLAGS] NAME -- COMMAND [ARGUMENT...]",
		DisableFlagsInUseLine: true,
		Short:                 "Run a command while holding a lock",
		Long: `Run a command while holding a lock, and pass its exit status on. The command finds the fencing token in LOCKD_TOKEN and the
lock's name in LOCKD_NAME. Signals are forwarded to it.

When the lock is lost, because no server could be reached for most of the TTL, the command and all that it has started
get TERM, and are killed before anybody else can be granted the lock. The exit code is 74 then. When the command ends, what it has
left running is ended too, before the lock is given back: use a service manager for what is to stay.`,
		Args: func(command *cobra.Command, arguments []string) error {
			// Without the dashes an option of the command would be taken for ours.
			if command.ArgsLenAtDash() != 1 || len(arguments) < 2 {
				return usageError("%s: the form is: lockd lock NAME -- COMMAND, with its options in front of the dashes", command.CommandPath())
			}
			return nil
		},
	}
	flags := command.Flags()
	reach, seeking := newReach(command), newSeeking(command, 15*time.Second)
	conflict := flags.Uint8P("conflict-exit-code", "E", exitNo, "the exit code when the lock is held by another")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		err := runLocked(reach, seeking, command.ErrOrStderr(), environment, arguments[0], arguments[1:])
		if errors.Is(err, client.ErrBusy) || errors.Is(err, client.ErrTimedOut) {
			return &failure{int(*conflict), err}
		}
		return err
	}
	return command
}

func runLocked(reach *reach, seeking *seeking, notes io.Writer, environment []string, name string, arguments []string) error {
	path, err := findProgram(arguments[0])
	if err != nil {
		return err
	}
	reached, err := reach.dial()
	if err != nil {
		return err
	}
	defer reached.Close()
	session, mutex, err := takeLock(reach, seeking, reached, name)
	if err != nil {
		return err
	}
	environment = append(slices.DeleteFunc(slices.Clone(environment), func(entry string) bool {
		return strings.HasPrefix(entry, "LOCKD_TOKEN=") || strings.HasPrefix(entry, "LOCKD_NAME=")
	}), fmt.Sprintf("LOCKD_TOKEN=%d", mutex.Token()), "LOCKD_NAME="+name)
	err = supervise(session, mutex, time.Duration(*seeking.ttl), path, arguments, environment)
	if late := closeSession(session); late != nil && exitCode(err) != exitLost {
		fmt.Fprintf(notes, "lockd: the lock %q was not given back, and will be free when its TTL has passed: %s\n", name, oneLine(late))
	}
	return err
}

// findProgram looks before the lock is taken: a misspelled command should not wait in a queue first.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return "", fail(exitNotFound, "%w", err)
	}
	if err != nil {
		return "", fail(exitNotRunnable, "%w", err)
	}
	return path, nil
}

// takeLock opens a session and waits for the lock. Whoever ends the wait by a signal leaves nothing behind.
func takeLock(reach *reach, seeking *seeking, reached *client.Client, name string) (*client.Session, *client.Mutex, error) {
	ctx, stop := untilInterrupted(endings)
	defer stop()
	session, err := openSession(ctx, reach, seeking, reached)
	if err != nil {
		return nil, nil, err
	}
	mutex := session.Mutex(name, client.WithValue(*seeking.value))
	if wait := seeking.patience(); wait == client.Forever {
		err = mutex.Lock(ctx)
	} else {
		bounded, cancel := context.WithTimeout(ctx, wait+time.Duration(*reach.timeout))
		defer cancel()
		err = mutex.LockWithin(bounded, wait)
	}
	if err == nil {
		err = context.Cause(ctx) // a signal may have come together with the grant
	}
	if err != nil {
		_ = closeSession(session) // else it ends with its TTL
		return nil, nil, explainWait(err)
	}
	return session, mutex, nil
}

// explainWait tells a session that ended in the queue from one that held the lock.
func explainWait(err error) error {
	if errors.Is(err, client.ErrLost) {
		return fail(exitUnavailable, "no server answered while the lock was waited for: %w", err)
	}
	return err
}

func openSession(ctx context.Context, reach *reach, seeking *seeking, reached *client.Client) (*client.Session, error) {
	ctx, cancel := reach.within(ctx)
	defer cancel()
	return reached.NewSession(ctx, time.Duration(*seeking.ttl))
}

// closeSession hands the lock over. Once the command has ended its status is better news than that the servers did not hear of it.
func closeSession(session *client.Session) error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	return session.Close(ctx)
}
