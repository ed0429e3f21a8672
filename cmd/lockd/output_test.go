package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
)

// printed is what a value looks like in one of the formats.
func printed(t *testing.T, format string, print func(*printer) error) string {
	t.Helper()
	var out bytes.Buffer
	command := &cobra.Command{}
	command.SetOut(&out)
	p := newPrinter(command)
	require.NoError(t, p.format.Set(format))
	require.NoError(t, print(p))
	return out.String()
}

func requirePrinted(t *testing.T, print func(*printer) error, text, json string) {
	t.Helper()
	require.Equal(t, text, printed(t, "text", print))
	require.Equal(t, json+"\n", printed(t, "json", print))
}

var held = lockRow{
	Name: "video/17", Token: 1<<63 + 1, Session: 7, Owner: "host:1 worker", Value: "<nightly>\x1b[2J", Left: length(9876 * time.Millisecond), Waiters: 2,
}

func TestALockAndItsQueue(t *testing.T) {
	shown := shownLock{lockRow: held, Queue: []waiterRow{{Place: 12, Session: 8, Owner: "a"}, {Place: 15, Session: 9}}}
	requirePrinted(t, func(p *printer) error { return p.print(shown, shown.text) }, `lock     video/17
holder   host:1 worker
session  7
token    9223372036854775809
left     9.8s
value    <nightly> [2J
waiters  2

#  SESSION  OWNER
1  8        a
2  9        -
`, `{"name":"video/17","token":"9223372036854775809","session":"7","owner":"host:1 worker","value":"<nightly>\u001b[2J","left":"9.876s","waiters":2,`+
		`"queue":[{"place":"12","session":"8","owner":"a"},{"place":"15","session":"9","owner":""}]}`)
}

func TestAFreeLock(t *testing.T) {
	shown := shownLock{lockRow: lockOf(lockfsm.LockView{Name: "x"}), Queue: []waiterRow{}}
	requirePrinted(t, func(p *printer) error { return p.print(shown, shown.text) }, "lock    x\nholder  nobody\n",
		`{"name":"x","token":"0","session":"0","owner":"","value":"","left":"0s","waiters":0,"queue":[]}`)
}

func TestLocksAndSessions(t *testing.T) {
	requirePrinted(t, func(p *printer) error { return p.printLocks([]lockRow{held}) },
		"NAME      TOKEN                SESSION  LEFT  WAITERS  OWNER          VALUE\n"+
			"video/17  9223372036854775809  7        9.8s  2        host:1 worker  <nightly> [2J\n",
		`{"locks":[{"name":"video/17","token":"9223372036854775809","session":"7","owner":"host:1 worker","value":"<nightly>\u001b[2J","left":"9.876s","waiters":2}]}`)
	requirePrinted(t, func(p *printer) error {
		return p.printSessions([]sessionRow{{Session: 7, Owner: "a", TTL: length(90 * time.Second), Left: length(time.Minute), Held: 1, Waiting: 2}})
	},
		"SESSION  TTL    LEFT  HELD  WAITING  OWNER\n7        1m30s  1m0s  1     2        a\n",
		`{"sessions":[{"session":"7","owner":"a","ttl":"90s","left":"60s","held":1,"waiting":2}]}`)
}

func TestAnAcquiredLock(t *testing.T) {
	a := acquired{Name: "x", Token: 3, Session: 2, TTL: length(30 * time.Second)}
	requirePrinted(t, func(p *printer) error { return p.print(a, a.text) }, "token    3\nsession  2\nttl      30s\n",
		`{"name":"x","token":"3","session":"2","ttl":"30s"}`)
}

// inspected is what a member says of itself.
func inspected(id raft.ID, role raft.Role, term raft.Term) inspection {
	return inspection{answer: server.Inspected{Node: raft.Status{ID: id, Role: role, Term: term, Commit: 10, Applied: 9}, Version: 1, Supports: 2}}
}

func TestTheStatusNamesLeaderLagsAndWhoIsOutOfReach(t *testing.T) {
	leader := inspected(2, raft.Leader, 5)
	leader.answer.Counts = lockfsm.Counts{Sessions: 4, Locks: 3, Waiters: 2, Grants: 11}
	leader.answer.Node.Membership.Members = make([]raft.Member, 3)
	leader.answer.Members = []server.Progress{{Member: 1, Lag: 1}, {Member: 3, Lag: 70}}
	status := summarize([]string{"a:1", "b:1", "c:1"}, []inspection{inspected(1, raft.Follower, 5), leader, {err: errors.New("refused")}})
	requirePrinted(t, func(p *printer) error { return p.print(status, status.text) }, `member 2 leads in term 5; 3 members, 4 sessions, 3 locks, 2 waiters, 11 grants; version 1

ENDPOINT  MEMBER  ROLE      TERM  COMMIT  APPLIED  LAG  VERSION  SUPPORTS
a:1       1       follower  5     10      9        1    1        2
b:1       2       leader    5     10      9        0    1        2
c:1       -       unreachable: refused
`, `{"leader":"2","term":"5","members":3,"sessions":4,"locks":3,"waiters":2,"grants":"11","version":1,"nodes":[`+
		`{"endpoint":"a:1","member":"1","role":"follower","term":"5","commit":"10","applied":"9","lag":"1","version":1,"supports":2},`+
		`{"endpoint":"b:1","member":"2","role":"leader","term":"5","commit":"10","applied":"9","lag":"0","version":1,"supports":2},`+
		`{"endpoint":"c:1","error":"refused"}]}`)
}

func TestALeaderOfAnEarlierTermIsNotBelieved(t *testing.T) {
	status := summarize([]string{"a:1", "b:1"}, []inspection{inspected(1, raft.Leader, 4), inspected(2, raft.Follower, 5)})
	require.Zero(t, status.Leader)
	require.EqualValues(t, 5, status.Term)
	require.Contains(t, printed(t, "text", func(p *printer) error { return p.print(status, status.text) }), "no leader is known\n")
	status = summarize([]string{"a:1", "b:1"}, []inspection{inspected(1, raft.Leader, 5), inspected(2, raft.Leader, 4)})
	require.EqualValues(t, 1, status.Leader)
}

func TestDurationsInBothForms(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 1500 * time.Millisecond: "1.500s", 90 * time.Minute: "5400s", time.Millisecond: "0.001s"} {
		require.Equal(t, want, length(d).inSeconds())
	}
	for text, want := range map[string]time.Duration{"2": 2 * time.Second, "0.25": 250 * time.Millisecond, "1m": time.Minute, "0": 0} {
		var s span
		require.NoError(t, s.Set(text))
		require.Equal(t, want, time.Duration(s))
	}
	for _, text := range []string{"", "x", "-1", "1e3", "1 s"} {
		require.Error(t, new(span).Set(text), text)
	}
}
