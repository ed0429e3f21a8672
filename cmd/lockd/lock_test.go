package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lockd/client"
	"lockd/server"
)

func TestTheCommandsStatusIsPassedOn(t *testing.T) {
	t.Parallel()
	for script, code := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -KILL $$": 128 + 9} {
		got := start(t, "lock", "status/"+script, "--", "sh", "-c", script).wait()
		require.Equal(t, code, got.code, "%s: %s", script, got.errors)
	}
}

func TestTheCommandLearnsTokenAndName(t *testing.T) {
	t.Parallel()
	p := start(t, "lock", "environment", "--value", "nightly", "--", "sh", "-c", "echo $LOCKD_TOKEN; echo $LOCKD_NAME")
	token := p.line()
	require.Equal(t, "environment", p.line())
	require.Zero(t, p.wait().code)
	checked := ask(t, "check", "environment", token)
	require.Equal(t, outcome{code: exitNo, out: "not valid: the lock is free\n"}, checked)
}

func TestStandardInputIsHandedThrough(t *testing.T) {
	t.Parallel()
	p := prepare(t, "lock", "input", "--endpoints", strings.Join(sharedCluster(t), ","), "--", "cat")
	p.command.Stdin = strings.NewReader("what was written\n")
	require.Equal(t, outcome{out: "what was written\n"}, p.run().wait())
}

func TestALockThatIsHeldIsAConflict(t *testing.T) {
	t.Parallel()
	p := start(t, "lock", "conflict", "--", "sh", "-c", "echo held; exec tail -f /dev/null")
	require.Equal(t, "held", p.line())

	busy := start(t, "lock", "-n", "conflict", "--", "echo", "never").wait()
	require.Equal(t, exitNo, busy.code)
	require.Empty(t, busy.out)
	require.Equal(t, "lockd: lock \"conflict\": refused: busy: lockd show tells who holds it, -w waits for it\n", busy.errors)
	require.Equal(t, 9, start(t, "lock", "conflict", "-n", "-E", "9", "--", "echo", "never").wait().code)

	timedOut := start(t, "lock", "-w", "0.2", "--conflict-exit-code", "10", "conflict", "--", "echo", "never").wait()
	require.Equal(t, 10, timedOut.code)
	require.Contains(t, timedOut.errors, "timed out")
	require.Equal(t, exitNo, start(t, "acquire", "conflict", "-w", "0.1").wait().code)

	p.signal(syscall.SIGTERM)
	require.Equal(t, 128+15, p.wait().code)
	require.Equal(t, outcome{out: "now\n"}, start(t, "lock", "-n", "conflict", "--", "echo", "now").wait())
}

func TestWhoIsInterruptedWhileWaitingLeavesTheQueue(t *testing.T) {
	t.Parallel()
	holder := start(t, "lock", "queue", "--", "sh", "-c", "echo held; exec tail -f /dev/null")
	require.Equal(t, "held", holder.line())
	waiter := start(t, "lock", "queue", "--", "echo", "never")
	waiters := func() int {
		shown, err := connect(t).Show(within(t), server.Show{Name: "queue", Limit: 10})
		require.NoError(t, err)
		return shown.Lock.Waiters
	}
	await(t, func() bool { return waiters() == 1 })
	waiter.signal(syscall.SIGINT)
	require.Equal(t, 128+2, waiter.wait().code)
	require.Zero(t, waiters())
}

func TestSignalsReachTheWholeGroup(t *testing.T) {
	t.Parallel()
	const script = `trap 'echo first $1; exit 0' %[1]s
		sh -c 'trap "echo second; exit 0" %[1]s; echo ready; tail -f /dev/null & wait' &
		wait; wait; exit 0`
	for name, number := range map[string]syscall.Signal{"TERM": unix.SIGTERM, "HUP": unix.SIGHUP, "USR1": unix.SIGUSR1, "USR2": unix.SIGUSR2} {
		if signal.Ignored(number) {
			t.Logf("SIG%s is ignored here, as under nohup, and so by every shell: not tried", name)
			continue
		}
		p := start(t, "lock", "signals/"+name, "--", "sh", "-c", fmt.Sprintf(script, name))
		require.Equal(t, "ready", p.line())
		p.signal(number)
		got := p.wait()
		require.Zero(t, got.code, got.errors)
		require.Contains(t, got.out, "first")
		require.Contains(t, got.out, "second", "signal %s", name)
	}
}

func TestWhatTheCommandLeavesRunningIsEndedBeforeTheLockIsGivenBack(t *testing.T) {
	t.Parallel()
	p := start(t, "lock", "leftover", "--", "sh", "-c", fmt.Sprintf("sh -c '%s' & exit 5", stubborn))
	left := p.number()
	session, err := connect(t).NewSession(within(t), 10*time.Second)
	require.NoError(t, err)
	require.NoError(t, session.Mutex("leftover").Lock(within(t)))
	require.True(t, dead(left))
	require.Equal(t, 5, p.wait().code)
}

func TestACommandThatIsNotThereIsFoundOutBeforeTheLockIsTaken(t *testing.T) {
	t.Parallel()
	nowhere := []string{"LOCKD_ENDPOINTS=127.0.0.1:1"}
	missing := lockd(nowhere, "lock", "x", "--", "no-such-program")
	require.Equal(t, exitNotFound, missing.code)
	require.Contains(t, missing.errors, `lockd: exec: "no-such-program": executable file not found`)
	unfit := filepath.Join(t.TempDir(), "unfit")
	require.NoError(t, os.WriteFile(unfit, nil, 0o600))
	require.Equal(t, exitNotRunnable, lockd(nowhere, "lock", "x", "--", unfit).code)
	undashed := lockd(nowhere, "lock", "x", "echo")
	require.Equal(t, exitUsage, undashed.code)
	require.Contains(t, undashed.errors, "lockd lock NAME -- COMMAND")
}

func TestServersOutOfReachAreNoConflict(t *testing.T) {
	t.Parallel()
	got := lockd([]string{"LOCKD_ENDPOINTS=127.0.0.1:1"}, "lock", "-n", "--timeout", "0.2", "x", "--", "true")
	require.Equal(t, exitUnavailable, got.code)
	require.Contains(t, got.errors, "do the servers run at --endpoints")
}

// valley is a way to servers that can be closed: what goes in is swallowed, and nobody is told.
type valley struct {
	t         *testing.T
	endpoints []string
	silent    atomic.Bool
	mutex     sync.Mutex
	open      []io.Closer
}

func newValley(t *testing.T, servers []string) *valley {
	v := &valley{t: t}
	for _, server := range servers {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		v.keep(listener)
		v.endpoints = append(v.endpoints, listener.Addr().String())
		go v.accept(listener, server)
	}
	t.Cleanup(func() {
		v.mutex.Lock()
		defer v.mutex.Unlock()
		for _, closer := range v.open {
			_ = closer.Close()
		}
	})
	return v
}

func (v *valley) keep(closer io.Closer) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.open = append(v.open, closer)
}

func (v *valley) accept(listener net.Listener, server string) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		v.keep(near)
		if v.silent.Load() {
			continue
		}
		far, err := net.Dial("tcp", server)
		if err != nil {
			_ = near.Close()
			continue
		}
		v.keep(far)
		go v.carry(near, far)
		go v.carry(far, near)
	}
}

func (v *valley) carry(to, from net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		silent := v.silent.Load()
		if err == nil && !silent {
			_, err = to.Write(buffer[:n])
		}
		if err != nil && !silent {
			_ = to.Close()
		}
		if err != nil {
			return // without a word, if silent: even the end of a connection is not passed on
		}
	}
}

// forsaken is a command whose lockd is cut off from all servers.
type forsaken struct {
	name, script string
	numbers      int  // of its processes, which it prints
	gentle       bool // it obeys TERM
}

const stubborn = `trap "" TERM HUP; echo $$; exec tail -f /dev/null`

var forsakenOnes = []forsaken{
	{name: "lost/gentle", script: `trap 'echo cleaned up; exit 3' TERM; echo $$; tail -f /dev/null & wait`, numbers: 1, gentle: true},
	{name: "lost/alone", script: stubborn, numbers: 1},
	{name: "lost/children", script: fmt.Sprintf(`sh -c '%[1]s' & (sh -c '%[1]s' &) ; %[1]s`, stubborn), numbers: 3},
}

// run starts the command under a lock with a TTL of two seconds, closes its way to the servers, and looks who is alive at the moment
// when the next holder is granted the lock.
func (f forsaken) run(t *testing.T) {
	t.Helper()
	way := newValley(t, sharedCluster(t))
	p := startAt(t, way.endpoints, "lock", "--ttl", "2s", f.name, "--", "sh", "-c", f.script)
	var processes []int
	for range f.numbers {
		processes = append(processes, p.number())
	}
	session, err := connect(t).NewSession(within(t), 10*time.Second)
	require.NoError(t, err)
	mutex := session.Mutex(f.name)
	require.ErrorIs(t, mutex.TryLock(within(t)), client.ErrBusy)

	way.silent.Store(true)
	require.NoError(t, mutex.Lock(within(t)))
	for _, process := range processes {
		require.True(t, dead(process), "%s: process %d of %v", f.name, process, processes)
	}
	require.NoError(t, session.Close(within(t)))
	got := p.wait()
	require.Equal(t, exitLost, got.code)
	require.Contains(t, got.errors, fmt.Sprintf("lockd: the lock %q was lost: no server had acknowledged it for most of its TTL of 2s", f.name))
	require.Equal(t, f.gentle, strings.Contains(got.out, "cleaned up\n"))
}

// They wait for the same two seconds, all at once.
func TestWithoutServersAllOfACommandIsDeadBeforeTheNextGrant(t *testing.T) {
	t.Parallel()
	var running sync.WaitGroup
	for _, one := range forsakenOnes {
		running.Go(func() { t.Run(one.name, one.run) })
	}
	running.Wait()
}

func TestAHolderThatWasStoppedEndsItsCommandWhenItRunsAgain(t *testing.T) {
	t.Parallel()
	p := start(t, "lock", "--ttl", "1s", "lost/stopped", "--", "sh", "-c", stubborn)
	command := p.number()
	p.signal(unix.SIGSTOP)
	session, err := connect(t).NewSession(within(t), 10*time.Second)
	require.NoError(t, err)
	require.NoError(t, session.Mutex("lost/stopped").Lock(within(t)))
	p.signal(unix.SIGCONT)
	require.Equal(t, exitLost, p.wait().code)
	require.True(t, dead(command))
}
