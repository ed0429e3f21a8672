package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lockd/client"
	"lockd/fence"
)

// trio is three nodes in processes of their own, at addresses that stay the same.
type trio struct {
	t         *testing.T
	endpoints []string
	peers     []string
	processes []*process
}

func newTrio(t *testing.T) *trio {
	c := &trio{t: t, processes: make([]*process, 3)}
	for i := range c.processes {
		c.endpoints = append(c.endpoints, freePort(t))
		c.peers = append(c.peers, strconv.Itoa(i+1)+"="+freePort(t))
	}
	return c
}

// serve starts all nodes with the directories below the one given.
func (c *trio) serve(data string) {
	for i := range c.processes {
		c.processes[i] = c.prepare(i, filepath.Join(data, strconv.Itoa(i+1))).run()
	}
}

func (c *trio) prepare(i int, data string) *process {
	return prepare(c.t, "serve", "--id", strconv.Itoa(i+1), "--data", data, "--peers", strings.Join(c.peers, ","),
		"--listen", c.endpoints[i], "--http-listen", "none", "--log-level", "error")
}

func (c *trio) ask(arguments ...string) outcome {
	return lockd([]string{"LOCKD_ENDPOINTS=" + strings.Join(c.endpoints, ",")}, arguments...)
}

func readTold(t *testing.T, got outcome) (about told) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(got.out), &about), "%s%s", got.out, got.errors)
	return about
}

func (n *number) UnmarshalText(text []byte) error {
	parsed, err := strconv.ParseUint(string(text), 10, 64)
	*n = number(parsed)
	return err
}

// Two of three machines burn. What the third has is enough to go on, for everybody but those who held something.
func TestLostMajority(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	data, into := filepath.Join(directory, "data"), filepath.Join(directory, "new")
	survivor := filepath.Join(data, "3")
	c := newTrio(t)
	c.serve(data)
	reached, err := client.New(c.endpoints)
	require.NoError(t, err)
	defer reached.Close()
	session, err := reached.NewSession(within(t), time.Minute)
	require.NoError(t, err)
	mutex := session.Mutex("report")
	require.NoError(t, mutex.Lock(within(t)))
	old := mutex.Token()
	guard, accept := fence.New(), func() error { return nil }
	require.NoError(t, guard.Do(within(t), "report", fence.Token(old), accept))

	recovering := []string{"recover", survivor, "--members", "1,2,3", "--into", into, "--output", "json"}
	got := lockd(nil, recovering...)
	require.Equal(t, exitSystem, got.code)
	require.Contains(t, got.errors, "a cluster that still runs is not recovered")
	for i, p := range c.processes {
		p.signal(unix.SIGKILL)
		p.wait()
		if i < 2 {
			require.NoError(t, os.RemoveAll(filepath.Join(data, strconv.Itoa(i+1))))
		}
	}

	got = lockd(nil, recovering...)
	require.Equal(t, exitUsage, got.code)
	require.NoDirExists(t, into)
	require.Contains(t, got.errors, "nothing was done; to do it: --confirm "+readTold(t, got).Identity)
	got = lockd(nil, append(recovering, "--confirm", readTold(t, got).Identity)...)
	require.Zero(t, got.code, got.errors)
	made := readTold(t, got).New
	require.Len(t, made.Directories, 3)
	refused := c.prepare(2, survivor).run().wait()
	require.Equal(t, exitSystem, refused.code)
	require.Contains(t, refused.errors, "its cluster was recovered as another one, "+made.Cluster)

	c.serve(into)
	granted := c.ask("acquire", "report", "--output", "json")
	require.Zero(t, granted.code, "nobody holds it: %s", granted.errors)
	var newHolder struct{ Token number }
	require.NoError(t, json.Unmarshal([]byte(granted.out), &newHolder))
	require.Greater(t, newHolder.Token, made.Above)
	require.NoError(t, guard.Do(within(t), "report", fence.Token(newHolder.Token), accept))

	require.True(t, mutex.Held(), "as far as it could know")
	require.ErrorIs(t, session.Mutex("other").Lock(within(t)), client.ErrLost)
	require.ErrorIs(t, session.Err(), client.ErrLost)
	require.False(t, mutex.Held())
	require.ErrorIs(t, guard.Do(context.Background(), "report", fence.Token(old), accept), fence.ErrStale)
	require.Equal(t, exitRefused, c.ask("release", "report", strconv.FormatUint(old, 10)).code, "and the new holder stays")
}

func TestASavedSnapshotIsRestored(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	file := filepath.Join(directory, "saved")
	require.Zero(t, ask(t, "acquire", "of the backup").code)
	require.Zero(t, ask(t, "snapshot", "save", file).code)
	restore := func(into string, more ...string) outcome {
		return lockd(nil, append([]string{"snapshot", "restore", file, "--members", "7", "--into", filepath.Join(directory, into), "--output", "json"}, more...)...)
	}
	unconfirmed := restore("one")
	require.Equal(t, exitUsage, unconfirmed.code)
	about := readTold(t, unconfirmed)
	require.NotZero(t, about.Token)
	require.Positive(t, about.Locks)
	require.Nil(t, about.New)
	one, other := restore("one", "--confirm", about.Identity), restore("other", "--confirm", about.Identity)
	require.Zero(t, one.code, one.errors)
	first, second := readTold(t, one).New, readTold(t, other).New
	require.Equal(t, []string{filepath.Join(directory, "one", "7")}, first.Directories)
	require.Greater(t, first.Above, about.Token)
	require.NotEqual(t, first.Above, second.Above, "two operators who know nothing of each other")
	third := readTold(t, restore("third", "--confirm", about.Identity, "--above", strconv.FormatUint(uint64(max(first.Above, second.Above)), 10))).New
	require.Greater(t, third.Above, max(first.Above, second.Above))
}

func TestWhatIsLostIsToldBeforeItIs(t *testing.T) {
	var out strings.Builder
	about := told{
		From: "/var/lib/lockd", Identity: "c1", Member: 3, Index: 1042, Damage: []string{"a.segment is damaged (entries from 1043 on)"},
		Sessions: 12, Locks: 4, Waiters: 7, Token: 311, Successor: "c0",
	}
	about.text(&out)
	for _, said := range []string{
		"/var/lib/lockd is member 3's of the cluster c1, and can be read up to entry 1042.", "Not all of it can be read: a.segment is damaged (entries from 1043 on).",
		"It was recovered before, as the cluster c0.", "WILL BE LOST: 12 sessions, 4 held locks, 7 waiters, and everything", "the last of which is 311", "--above",
	} {
		require.Contains(t, out.String(), said)
	}
	out.Reset()
	about.New = &made{Cluster: "c2", Above: 1 << 53, Directories: []string{"/new/1", "/new/2"}}
	about.text(&out)
	require.Contains(t, out.String(), "The new cluster is c2. Its tokens are above 9007199254740992.")
	require.Contains(t, out.String(), "start it there, once:\n  /new/1\n  /new/2\n")
	require.NotContains(t, out.String(), "WILL BE")
}

func TestRecoverRefusesWhatCanNotWork(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	file := filepath.Join(directory, "saved")
	require.Zero(t, ask(t, "snapshot", "save", file).code)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	short := filepath.Join(directory, "short")
	require.NoError(t, os.WriteFile(short, content[:len(content)-1], 0o600))
	into := filepath.Join(directory, "new")
	for name, c := range map[string]struct {
		arguments []string
		code      int
		says      string
	}{
		"no members":        {[]string{"recover", directory, "--into", into}, exitUsage, "--members and --into are needed"},
		"nowhere":           {[]string{"recover", directory, "--members", "1"}, exitUsage, "--members and --into are needed"},
		"one twice":         {[]string{"recover", directory, "--members", "1,1", "--into", into}, exitUsage, "member 1 is named twice"},
		"member zero":       {[]string{"recover", directory, "--members", "0", "--into", into}, exitUsage, "from 1 on"},
		"no directory":      {[]string{"recover", into, "--members", "1", "--into", into}, exitSystem, into},
		"an empty one":      {[]string{"recover", directory, "--members", "1", "--into", into}, exitSystem, "there is nothing in it to recover"},
		"no file":           {[]string{"snapshot", "restore", into, "--members", "1", "--into", into}, exitSystem, into},
		"half a file":       {[]string{"snapshot", "restore", short, "--members", "1", "--into", into}, exitSystem, "and all of it?"},
		"another's name":    {[]string{"snapshot", "restore", file, "--members", "1", "--into", into, "--confirm", "c1"}, exitUsage, `not "c1"`},
		"a token too high":  {[]string{"snapshot", "restore", file, "--members", "1", "--into", into, "--above", "9223372036854775807"}, exitSystem, "no epoch is left"},
		"there is one":      {[]string{"snapshot", "restore", file, "--members", "1", "--into", directory}, exitSystem, "exists"},
		"a file of nothing": {[]string{"snapshot", "restore", os.DevNull, "--members", "1", "--into", into}, exitSystem, "and all of it?"},
	} {
		t.Run(name, func(t *testing.T) {
			got := lockd(nil, c.arguments...)
			require.Equal(t, c.code, got.code, got.errors)
			require.Contains(t, got.errors, c.says)
			require.NoDirExists(t, into)
		})
	}
}
