package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lockd/client"
	"lockd/lockfsm"
	"lockd/server"
)

// late is the error of a call whose time ended after a trouble.
func late(trouble error) error {
	return &client.OutOfTimeError{Operation: "open a session", Cause: context.DeadlineExceeded, Trouble: trouble}
}

func TestEachErrorHasItsExitCode(t *testing.T) {
	refused := func(status lockfsm.Status, reason server.Reason) error {
		return fmt.Errorf("lock: %w", &client.RefusedError{Operation: "lock", Status: status, Reason: reason})
	}
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{refused(lockfsm.Busy, 0), exitNo},
		{refused(lockfsm.TimedOut, 0), exitNo},
		{usageError("wrong"), exitUsage},
		{refused(lockfsm.InvalidTTL, 0), exitUsage},
		{refused(lockfsm.ZeroToken, 0), exitUsage},
		{refused(0, server.Invalid), exitUsage},
		{refused(lockfsm.StaleToken, 0), exitRefused},
		{refused(lockfsm.UnknownSession, 0), exitRefused},
		{fmt.Errorf("no answer: %w", context.DeadlineExceeded), exitUnavailable},
		{late(refused(0, server.NotLeader)), exitUnavailable},
		{late(nil), exitUnavailable},
		{late(refused(0, server.DiskFull)), exitLater},
		{late(refused(0, server.Overloaded)), exitLater},
		{fmt.Errorf("release: %w", client.ErrUnknownOutcome), exitUnavailable},
		{os.ErrPermission, exitSystem},
		{errors.New("anything else"), exitSystem},
		{fmt.Errorf("lock: %w", client.ErrLost), exitLost},
		{refused(lockfsm.TooManyWaiters, 0), exitLater},
		{refused(0, server.DiskFull), exitLater},
		{fmt.Errorf("lock: %w", interrupted{unix.SIGTERM}), exitSignal + 15},
		{quietExit(42), 42},
	} {
		require.Equal(t, c.code, exitCode(c.err), "%v", c.err)
		if c.code < exitSignal && c.code != 42 {
			require.Contains(t, exitCodesHelp, fmt.Sprintf("\n%5d  ", c.code), "each code is documented")
		}
	}
}

func TestTheExitCodesAreInTheHelp(t *testing.T) {
	got := lockd(nil, "help", "exit-codes")
	require.Zero(t, got.code)
	require.Contains(t, got.out, exitCodesHelp)
	for _, code := range []int{exitNotRunnable, exitNotFound} {
		require.Contains(t, got.out, fmt.Sprintf("\n%5d  ", code))
	}
}

func TestAnErrorIsOneLineThatSaysWhatToDo(t *testing.T) {
	text := sentence(fmt.Errorf("status: %w", errors.Join(context.DeadlineExceeded, errors.New("a:1: refused"))))
	require.NotContains(t, text, "\n")
	require.Contains(t, text, "do the servers run at --endpoints")
	require.Contains(t, sentence(&client.RefusedError{Operation: "lock", Status: lockfsm.InvalidName}), "1 to 255 bytes of text")
	require.Contains(t, sentence(late(&client.RefusedError{Operation: "command", Reason: server.DiskFull})), "the servers refuse for now: disk full; try again later")
	require.Contains(t, sentence(late(errors.New("connection error: error reading server preface: EOF"))), "--tls?")
	require.Contains(t, sentence(os.ErrPermission), "may this user do that?")
}

func TestEachCommandHasHelp(t *testing.T) {
	for _, command := range newRoot(nil).Commands() {
		got := lockd(nil, command.Name(), "--help")
		require.Zero(t, got.code, command.Name())
		require.True(t, strings.HasPrefix(got.out, command.Long) || strings.HasPrefix(got.out, command.Short), got.out)
	}
}
