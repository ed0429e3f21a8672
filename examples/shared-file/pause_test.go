//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/daemon"
	"lockd/raft"
)

const patience = 60 * time.Second

// cluster starts three nodes in this process, and returns their endpoints as a worker takes them.
func cluster(t *testing.T) string {
	members := make(map[raft.ID]string)
	listeners := make(map[raft.ID]net.Listener)
	for id := raft.ID(1); id <= 3; id++ {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		listeners[id], members[id] = listener, listener.Addr().String()
	}
	var endpoints []string
	for id, listener := range listeners {
		node, err := daemon.Start(daemon.Config{
			Member: id, Members: members, Directory: filepath.Join(t.TempDir(), strconv.Itoa(int(id))),
			PeerListener: listener, ClientAddress: "127.0.0.1:0",
			Limits: daemon.Limits{SegmentBytes: 256 << 10}, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_ = node.Stop(ctx)
		})
		endpoints = append(endpoints, node.ClientAddress())
	}
	return strings.Join(endpoints, ",")
}

// process is a program of this folder that runs.
type process struct {
	*exec.Cmd
	t      *testing.T
	input  io.Writer
	output *bufio.Reader
	errors bytes.Buffer
}

// build makes the program, as a user would.
func build(t *testing.T) string {
	program := filepath.Join(t.TempDir(), "shared-file")
	built, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(built))
	return program
}

func start(t *testing.T, program string, arguments ...string) *process {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	p := &process{Cmd: exec.CommandContext(ctx, program, arguments...), t: t}
	output, err := p.StdoutPipe()
	require.NoError(t, err)
	p.output = bufio.NewReader(output)
	p.input, err = p.StdinPipe()
	require.NoError(t, err)
	p.Stderr = &p.errors
	require.NoError(t, p.Start())
	t.Cleanup(func() {
		cancel() // kills it, if it runs, stopped or not
		_ = p.Wait()
	})
	return p
}

// says waits for a line of the process that begins so, and returns the rest of it.
func (p *process) says(beginning string) string {
	p.t.Helper()
	for {
		line, err := p.output.ReadString('\n')
		require.NoError(p.t, err, "waiting for %q; its errors: %s", beginning, &p.errors)
		if rest, found := strings.CutPrefix(line, beginning); found {
			return strings.TrimSpace(rest)
		}
	}
}

// exits waits for the end of the process.
func (p *process) exits(status int) {
	p.t.Helper()
	_, _ = io.Copy(io.Discard, p.output)
	_ = p.Wait()
	require.Equal(p.t, status, p.ProcessState.ExitCode(), "its errors: %s", &p.errors)
}

// TestSharedFile runs the store and its workers, as a user would.
func TestSharedFile(t *testing.T) {
	program, endpoints := build(t), cluster(t)
	t.Run("guarded", func(t *testing.T) {
		t.Parallel()
		first, document := comeBack(t, program, endpoints)
		first.exits(exitRefused)
		require.Contains(t, first.errors.String(), "412 Precondition Failed")
		require.Equal(t, "second\n", document())
	})
	t.Run("unguarded", func(t *testing.T) {
		t.Parallel()
		first, document := comeBack(t, program, endpoints, "-unguarded")
		first.exits(0)
		require.Equal(t, "first\n", document(), "the second worker's update is lost")
	})
	t.Run("in turn", func(t *testing.T) {
		t.Parallel()
		url, document := serveDocument(t, program)
		var workers []*process
		for range 3 {
			workers = append(workers, start(t, program, "worker", "-endpoints", endpoints, "-store", url))
		}
		for _, one := range workers {
			one.exits(0)
		}
		require.Equal(t, strings.Repeat("a line\n", 3), document())
	})
}

// comeBack stops a first worker between reading and writing, lets a second one do its work once the first one's lease is over, and
// returns the first one when it goes on.
func comeBack(t *testing.T, program, endpoints string, flags ...string) (first *process, document func() string) {
	url, document := serveDocument(t, program, flags...)
	work := func(flags ...string) *process {
		return start(t, program, append([]string{"worker", "-endpoints", endpoints, "-store", url, "-lock", t.Name(), "-ttl", "2s"}, flags...)...)
	}
	first = work("-line", "first", "-confirm")
	first.says("press Enter")
	require.NoError(t, first.Process.Signal(syscall.SIGSTOP))
	work("-line", "second").exits(0)
	require.Equal(t, "second\n", document())

	_, err := io.WriteString(first.input, "\n")
	require.NoError(t, err)
	require.NoError(t, first.Process.Signal(syscall.SIGCONT))
	return first, document
}

// serveDocument starts a store, and returns its address and a look at its file.
func serveDocument(t *testing.T, program string, flags ...string) (url string, document func() string) {
	directory := t.TempDir()
	store := start(t, program, append([]string{"store", "-address", "127.0.0.1:0", "-directory", directory}, flags...)...)
	return store.says("storing at "), func() string {
		content, err := os.ReadFile(filepath.Join(directory, "document"))
		require.NoError(t, err)
		return string(content)
	}
}

func TestUsage(t *testing.T) {
	require.Equal(t, exitUsage, run(context.Background(), nil))
	require.Equal(t, exitUsage, run(context.Background(), []string{"nonsense"}))
}
