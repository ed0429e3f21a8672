package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lockd/client"
	"lockd/daemon"
)

// asLockd makes this test's binary the command itself. Its name does not begin with LOCKD_, which would be a setting.
const asLockd = "TEST_AS_LOCKD=1"

// deadline bounds every wait: far longer than anything takes, so that a busy machine fails no test.
const deadline = 20 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv("TEST_AS_LOCKD") == "1" {
		_ = os.Unsetenv("TEST_AS_LOCKD")
		main()
	}
	code := m.Run()
	stopShared()
	os.Exit(code)
}

// shared is the cluster that most tests talk to.
var shared struct {
	once      sync.Once
	err       error
	directory string
	nodes     []*daemon.Daemon
	endpoints []string
}

func sharedCluster(t *testing.T) []string {
	t.Helper()
	shared.once.Do(func() {
		if shared.directory, shared.err = os.MkdirTemp("", "lockd-test-"); shared.err != nil {
			return
		}
		shared.nodes, shared.err = startAnywhere(shared.directory)
		for _, node := range shared.nodes {
			shared.endpoints = append(shared.endpoints, node.ClientAddress())
		}
		if shared.err == nil {
			shared.err = awaitReady(shared.nodes)
		}
	})
	require.NoError(t, shared.err)
	return shared.endpoints
}

// startAnywhere looks for ports that nobody uses. On a machine that is busy with other tests a leader may be silent for long.
func startAnywhere(directory string) ([]*daemon.Daemon, error) {
	config := daemon.Config{Logger: slog.New(slog.DiscardHandler), ElectionTimeout: time.Second}
	for {
		nodes, err := startDev(config, directory, randomBase())
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nodes, err
		}
	}
}

func randomBase() int { return 15_000 + 30*rand.IntN(500) }

func stopShared() {
	_ = stopAll(shared.nodes)
	if shared.directory != "" {
		_ = os.RemoveAll(shared.directory)
	}
}

// connect is a client of the shared cluster.
func connect(t *testing.T) *client.Client {
	t.Helper()
	reached, err := client.New(sharedCluster(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = reached.Close() })
	return reached
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// outcome is what a run of lockd left behind.
type outcome struct {
	code        int
	out, errors string
}

// lockd runs the command in this process: all but those that start others or stop at a signal.
func lockd(environment []string, arguments ...string) outcome {
	var out, errors bytes.Buffer
	code := run(arguments, environment, &out, &errors)
	return outcome{code, out.String(), errors.String()}
}

// ask runs a client command against the shared cluster, in this process.
func ask(t *testing.T, arguments ...string) outcome {
	t.Helper()
	return lockd([]string{"LOCKD_ENDPOINTS=" + strings.Join(sharedCluster(t), ",")}, arguments...)
}

// process is a lockd of its own.
type process struct {
	t       *testing.T
	command *exec.Cmd
	lines   *bufio.Reader
	errors  *bytes.Buffer
	ended   chan struct{}
}

func prepare(t *testing.T, arguments ...string) *process {
	t.Helper()
	p := &process{t: t, command: exec.Command(os.Args[0], arguments...), errors: &bytes.Buffer{}, ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), asLockd)
	p.command.Stderr = p.errors
	p.command.WaitDelay = time.Second // who survives it against the rules may hold its files
	return p
}

// start runs a client command against the shared cluster, in a process of its own.
func start(t *testing.T, arguments ...string) *process {
	t.Helper()
	return startAt(t, sharedCluster(t), arguments...)
}

func startAt(t *testing.T, endpoints []string, arguments ...string) *process {
	t.Helper()
	p := prepare(t, arguments...)
	p.command.Env = append(p.command.Env, "LOCKD_ENDPOINTS="+strings.Join(endpoints, ","))
	return p.run()
}

func (p *process) run() *process {
	p.t.Helper()
	// A pipe of ours: the one of exec would be closed before all of it is read.
	reading, writing, err := os.Pipe()
	require.NoError(p.t, err)
	p.command.Stdout = writing
	p.lines = bufio.NewReader(reading)
	require.NoError(p.t, p.command.Start())
	require.NoError(p.t, writing.Close())
	go func() {
		_ = p.command.Wait()
		close(p.ended)
	}()
	p.t.Cleanup(func() {
		_ = p.command.Process.Kill()
		<-p.ended
		_ = reading.Close()
	})
	require.NoError(p.t, reading.SetReadDeadline(time.Now().Add(deadline)))
	return p
}

// line is the next line of output.
func (p *process) line() string {
	p.t.Helper()
	text, err := p.lines.ReadString('\n')
	require.NoError(p.t, err, "standard error: %s", p.errors)
	return strings.TrimSuffix(text, "\n")
}

// number is the next line, which is that of a process. It does not survive the test.
func (p *process) number() int {
	p.t.Helper()
	number, err := strconv.Atoi(strings.TrimSpace(p.line()))
	require.NoError(p.t, err)
	p.t.Cleanup(func() {
		if !dead(number) {
			_ = unix.Kill(number, unix.SIGKILL)
		}
	})
	return number
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.command.Process.Signal(s))
}

// wait returns what is left of the output, and how it ended.
func (p *process) wait() outcome {
	p.t.Helper()
	rest, err := io.ReadAll(p.lines)
	require.NoError(p.t, err, "standard error: %s", p.errors)
	select {
	case <-p.ended:
	case <-time.After(deadline):
		p.t.Fatal("it does not end")
	}
	code := p.command.ProcessState.ExitCode()
	if status := p.command.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		code = -int(status.Signal())
	}
	return outcome{code, string(rest), p.errors.String()}
}

// dead says that nothing runs under a number any more. What nobody has reaped yet is dead too.
func dead(number int) bool {
	if unix.Kill(number, 0) != nil {
		return true
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(number)).Output()
	return err != nil || strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

func await(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, deadline, 5*time.Millisecond)
}
