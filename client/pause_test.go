package client_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/client"
)

// pausedAt is the environment variable that makes this program a holder, and tells it where the servers are.
const pausedAt = "LOCKD_TEST_PAUSED_HOLDER"

func TestMain(m *testing.M) {
	if endpoints := os.Getenv(pausedAt); endpoints != "" {
		hold(strings.Split(endpoints, ","))
		return
	}
	os.Exit(m.Run())
}

// hold acquires a lock, waits until it was stopped and goes on, and says what it finds then.
func hold(endpoints []string) {
	c, err := client.New(endpoints)
	must(err)
	session, err := c.NewSession(context.Background(), 2*time.Second)
	must(err)
	mutex := session.Mutex("film")
	must(mutex.Lock(context.Background()))
	last := time.Now()
	fmt.Println("holding") // from here on it may be stopped
	now := time.Now()
	for ; now.Sub(last) < time.Second; now = time.Now() {
		last = now
		<-time.After(time.Millisecond)
	}
	held := mutex.Held()
	<-mutex.Context().Done()
	fmt.Println("resumed", held, context.Cause(mutex.Context()) == client.ErrLost, time.Since(now))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// TestAStoppedProcessIsToldOnResuming stops a process by signal until the servers have passed its lock on.
func TestAStoppedProcessIsToldOnResuming(t *testing.T) {
	nodes := startNodes(t)
	var endpoints []string
	for address := range nodes {
		endpoints = append(endpoints, address)
	}
	holder := exec.CommandContext(within(t), os.Args[0])
	holder.Env = append(os.Environ(), pausedAt+"="+strings.Join(endpoints, ","))
	holder.Stderr = os.Stderr
	output, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	t.Cleanup(func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	lines := bufio.NewScanner(output)
	require.True(t, lines.Scan())
	require.Equal(t, "holding", lines.Text())

	require.NoError(t, holder.Process.Signal(syscall.SIGSTOP))
	c, err := client.New(endpoints)
	require.NoError(t, err)
	defer c.Close()
	session, err := c.NewSession(within(t), 10*time.Second)
	require.NoError(t, err)
	require.NoError(t, session.Mutex("film").Lock(within(t)), "the servers pass it on")
	require.NoError(t, holder.Process.Signal(syscall.SIGCONT))

	require.True(t, lines.Scan())
	after, told := strings.CutPrefix(lines.Text(), "resumed false true ")
	require.True(t, told, lines.Text())
	delay, err := time.ParseDuration(after)
	require.NoError(t, err)
	// It takes well under a millisecond; the bound leaves room for a busy machine.
	require.Less(t, delay, 500*time.Millisecond)
	t.Logf("the context ended %v after the process went on", delay)
}
