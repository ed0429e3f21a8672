package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// acquire takes a lock by the command, and returns what it printed.
func acquire(t *testing.T, arguments ...string) (token, session string) {
	t.Helper()
	got := ask(t, append([]string{"acquire", "--output", "json"}, arguments...)...)
	require.Zero(t, got.code, got.errors)
	var a struct{ Token, Session string }
	require.NoError(t, json.Unmarshal([]byte(got.out), &a))
	return a.Token, a.Session
}

func TestAPlainLockFromAcquireToRelease(t *testing.T) {
	t.Parallel()
	const name = "plain/a b"
	token, session := acquire(t, name, "--value", "for people", "--ttl", "60")
	require.Equal(t, outcome{out: "valid\n"}, ask(t, "check", name, token))
	require.Zero(t, ask(t, "renew", session).code)
	shown := ask(t, "show", name)
	require.Contains(t, shown.out, "value    for people")
	require.Contains(t, shown.out, "token    "+token)
	require.Contains(t, ask(t, "list", "plain/").out, name)
	require.Contains(t, ask(t, "sessions").out, "1m0s")

	number, err := strconv.ParseUint(token, 10, 64)
	require.NoError(t, err)
	future := ask(t, "release", name, fmt.Sprint(number+1000))
	require.Equal(t, exitRefused, future.code)
	require.Contains(t, future.errors, "no grant had this token yet")
	require.Equal(t, exitUsage, ask(t, "release", name, "0").code)
	require.Equal(t, outcome{out: "valid\n"}, ask(t, "check", name, token), "nothing has changed")

	require.Equal(t, outcome{}, ask(t, "release", name, token))
	require.Equal(t, outcome{code: exitNo, out: "not valid: the lock is free\n"}, ask(t, "check", name, token))
	stale := ask(t, "release", name, token)
	require.Equal(t, exitRefused, stale.code)
	require.Contains(t, stale.errors, "its holder has released or lost the lock; nothing was changed")

	next, _ := acquire(t, name)
	require.Equal(t, outcome{code: exitNo, out: "not valid: the current token is " + next + "\n"}, ask(t, "check", name, token))
}

// The session must not end while it waits, though nobody renews it afterwards.
func TestAcquireKeepsItsSessionAliveWhileItWaits(t *testing.T) {
	t.Parallel()
	holder, err := connect(t).NewSession(within(t), 10*time.Second)
	require.NoError(t, err)
	mutex := holder.Mutex("plain/wait")
	require.NoError(t, mutex.Lock(within(t)))
	waiting := start(t, "acquire", "plain/wait", "--ttl", "2s")
	time.AfterFunc(2500*time.Millisecond, func() { _ = mutex.Unlock(within(t)) })
	require.Zero(t, waiting.wait().code)
}

func TestBadArgumentsAreNamed(t *testing.T) {
	t.Parallel()
	for says, arguments := range map[string][]string{
		`TOKEN: "x" is no number`:                                 {"release", "a", "x"},
		`SESSION: "-1" is no number`:                              {"renew", "--", "-1"},
		"lockd check: TOKEN is missing; the form is: lockd check": {"check", "a"},
		"a TTL is from 1s to 24h":                                 {"acquire", "a", "--ttl", "0.1"},
		"a name is 1 to 255 bytes":                                {"acquire", ""},
		"a value is at most 4096 bytes":                           {"acquire", "a", "--value", string(make([]byte, 5000))},
		"a wait is at most 24h":                                   {"acquire", "a", "-w", "100000"},
		"is not host:port":                                        {"show", "a", "--endpoints", "here"},
	} {
		got := ask(t, arguments...)
		require.Equal(t, exitUsage, got.code, got.errors)
		require.Contains(t, got.errors, says)
	}
}

func TestShowReadsAQueueOfMoreThanOnePage(t *testing.T) {
	t.Parallel()
	const sessions, waiters = 3, 400
	reached := connect(t)
	acquire(t, "crowd", "--ttl", "60s")
	var waiting sync.WaitGroup
	for range sessions {
		session, err := reached.NewSession(within(t), time.Minute)
		require.NoError(t, err)
		for range waiters {
			waiting.Go(func() { _ = session.Mutex("crowd").Lock(within(t)) })
		}
		defer session.Close(within(t))
	}
	var shown struct{ Queue []struct{ Place string } }
	await(t, func() bool {
		return json.Unmarshal([]byte(ask(t, "show", "crowd", "--output", "json").out), &shown) == nil && len(shown.Queue) == sessions*waiters
	})
	places := map[string]bool{}
	for _, waiter := range shown.Queue {
		places[waiter.Place] = true
	}
	require.Len(t, places, sessions*waiters, "nobody twice")
}

func TestLeadershipIsHandedOver(t *testing.T) {
	reached := connect(t)
	leader := summarize(reached.Endpoints(), inspectAll(within(t), reached)).Leader
	require.NotZero(t, leader)
	to := fmt.Sprint(leader%devNodes + 1)
	require.Equal(t, outcome{out: "member " + to + " leads\n"}, ask(t, "transfer-leader", to))
	got := ask(t, "transfer-leader", "9")
	require.NotZero(t, got.code)
	require.NotEmpty(t, got.errors)
}

func TestASnapshotAppearsWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	file := filepath.Join(directory, "snapshot")
	require.NoError(t, os.WriteFile(file, []byte("an old one"), 0o600))
	got := ask(t, "snapshot", "save", file)
	require.Zero(t, got.code, got.errors)
	require.Regexp(t, `^.*/snapshot: \d+ bytes, as of entry \d+\n$`, got.out)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotEqual(t, "an old one", string(content))

	failed := lockd([]string{"LOCKD_ENDPOINTS=127.0.0.1:1"}, "snapshot", "save", file, "--timeout", "0.2")
	require.Equal(t, exitUnavailable, failed.code)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, content, after)
	names, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, names, 1, "nothing unfinished is left")
	require.Equal(t, exitSystem, ask(t, "snapshot", "save", "/nowhere/snapshot").code)
}

func TestTheStatusOfServersOutOfReachNamesThem(t *testing.T) {
	t.Parallel()
	some := sharedCluster(t)
	got := lockd(nil, "status", "--endpoints", some[0]+","+some[1]+","+some[2]+",127.0.0.1:1")
	require.Zero(t, got.code, got.errors)
	require.Contains(t, got.out, "127.0.0.1:1")
	require.Contains(t, got.out, "unreachable: ")
	none := lockd(nil, "status", "--endpoints", "127.0.0.1:1")
	require.Equal(t, exitUnavailable, none.code)
	require.Contains(t, none.out, "no leader is known")
}

func TestVersion(t *testing.T) {
	require.Contains(t, lockd(nil, "version").out, "lockd")
	require.Contains(t, lockd(nil, "version", "--output", "json").out, `"go":"go1`)
}
