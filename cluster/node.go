package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Cluster is a set of lockd processes, each with a data directory and a log file of its own.
type Cluster struct {
	Nodes  []*Node
	folder string
}

// Node is one member.
type Node struct {
	ID           int
	Client, HTTP string // addresses
	binary       string
	arguments    []string
	log          string
	process      *exec.Cmd
	ended        chan struct{}
}

// Build compiles cmd/lockd into a folder, and returns the binary's path. It must run inside of the module.
func Build(ctx context.Context, folder string) (string, error) {
	binary := filepath.Join(folder, "lockd")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "lockd/cmd/lockd")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building lockd: %w\n%s", err, output)
	}
	return binary, nil
}

// Start starts a cluster of size members with their data below folder, and waits until it serves.
func Start(ctx context.Context, binary, folder string, size int) (*Cluster, error) {
	addresses, err := freeAddresses(3 * size)
	if err != nil {
		return nil, err
	}
	peers := make([]string, size)
	for i := range size {
		peers[i] = fmt.Sprintf("%d=%s", i+1, addresses[3*i+1])
	}
	c := &Cluster{folder: folder}
	for i := range size {
		n := &Node{
			ID: i + 1, Client: addresses[3*i], HTTP: addresses[3*i+2], binary: binary,
			log: filepath.Join(folder, fmt.Sprintf("node-%d.log", i+1)),
		}
		n.arguments = []string{
			"serve", "--id", strconv.Itoa(n.ID), "--data", filepath.Join(folder, fmt.Sprintf("node-%d", n.ID)),
			"--peers", strings.Join(peers, ","), "--listen", n.Client, "--peer-listen", addresses[3*i+1], "--http-listen", n.HTTP,
		}
		c.Nodes = append(c.Nodes, n)
		if err := n.Start(); err != nil {
			c.Stop()
			return nil, err
		}
	}
	for _, n := range c.Nodes {
		if err := n.AwaitReady(ctx); err != nil {
			c.Stop()
			return nil, err
		}
	}
	return c, nil
}

// Endpoints are the members' addresses for clients.
func (c *Cluster) Endpoints() []string {
	endpoints := make([]string, len(c.Nodes))
	for i, n := range c.Nodes {
		endpoints[i] = n.Client
	}
	return endpoints
}

// Stop kills every member that still runs.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		n.Kill()
	}
}

// Running tells how many members run.
func (c *Cluster) Running() int {
	running := 0
	for _, n := range c.Nodes {
		if n.Running() {
			running++
		}
	}
	return running
}

// Node is the member of that number.
func (c *Cluster) Node(id int) *Node { return c.Nodes[id-1] }

// freeAddresses finds loopback ports that nobody listens on at the moment.
func freeAddresses(count int) ([]string, error) {
	addresses := make([]string, count)
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer listener.Close() //nolint:errcheck // it was never used
		addresses[i] = listener.Addr().String()
	}
	return addresses, nil
}

// Start starts the process. What it logs is added to its log file.
func (n *Node) Start() error {
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	n.process = exec.Command(n.binary, n.arguments...)
	n.process.Stdout, n.process.Stderr = log, log
	if err := n.process.Start(); err != nil {
		return fmt.Errorf("starting member %d: %w", n.ID, err)
	}
	n.ended = make(chan struct{})
	go func(process *exec.Cmd, ended chan struct{}) {
		_ = process.Wait() // how it ended is in its log
		close(ended)
	}(n.process, n.ended)
	return nil
}

// Running tells whether the process runs.
func (n *Node) Running() bool {
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// Kill is kill -9. It returns when the process is gone.
func (n *Node) Kill() {
	if n.ended != nil && n.Running() {
		_ = n.process.Process.Kill()
		<-n.ended
	}
}

// Terminate is SIGTERM, and does not wait.
func (n *Node) Terminate() { _ = n.process.Process.Signal(syscall.SIGTERM) }

// Ended is closed when the process is gone.
func (n *Node) Ended() <-chan struct{} { return n.ended }

// AwaitReady waits until the member says that it is part of a cluster which has a leader.
func (n *Node) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		why := n.notReady(ctx)
		if why == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("member %d is not ready: %w; its last words: %s", n.ID, why, n.lastWords())
		case <-n.ended:
			return fmt.Errorf("member %d ended: %s", n.ID, n.lastWords())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (n *Node) notReady(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.HTTP+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

// lastWords are the end of the member's log.
func (n *Node) lastWords() string {
	log, _ := os.ReadFile(n.log)
	return string(log[max(0, len(log)-2000):])
}
