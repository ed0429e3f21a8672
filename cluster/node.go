package cluster

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Cluster is a set of lockd processes, each with a data directory and a log file of its own.
type Cluster struct {
	Nodes  []*Node
	folder string
}

// Node is one member.
type Node struct {
	child
	ID           int
	Client, HTTP string // addresses
	peer         string // its address for the other members
	binary       string
	data         string
	arguments    []string
	log          string
}

// Build compiles cmd/lockd into a folder, and returns the binary's path. It must run inside of the module. The disks of its nodes can be stalled.
func Build(ctx context.Context, folder string) (string, error) {
	return build(ctx, filepath.Join(folder, "lockd"), "stall")
}

// BuildOldest does the same for a lockd that supports no version but the oldest: what a cluster ran before it is upgraded.
func BuildOldest(ctx context.Context, folder string) (string, error) {
	return build(ctx, filepath.Join(folder, "lockd-oldest"), "stall,oldest")
}

func build(ctx context.Context, binary, tags string) (string, error) {
	build := exec.CommandContext(ctx, "go", "build", "-tags", tags, "-o", binary, "lockd/cmd/lockd")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building lockd: %w\n%s", err, output)
	}
	return binary, nil
}

// Start starts a cluster of size members with their data below folder, and waits until it serves.
func Start(ctx context.Context, binary, folder string, size int) (*Cluster, error) {
	c, err := layOut(binary, folder, size)
	if err != nil {
		return nil, err
	}
	for _, n := range c.Nodes {
		n.meet(func(other *Node) string { return other.peer }, c.Nodes)
	}
	return c, c.start(ctx)
}

// layOut finds addresses for a cluster that is not started yet. Its members do not know of each other: see meet.
func layOut(binary, folder string, size int) (*Cluster, error) {
	addresses, err := FreeAddresses(3 * size)
	if err != nil {
		return nil, err
	}
	c := &Cluster{folder: folder}
	for i := range size {
		c.Nodes = append(c.Nodes, newNode(binary, folder, i+1, addresses[3*i:3*i+3]))
	}
	return c, nil
}

// newNode is a member that is not started yet, with its data and its log below folder, and three addresses.
func newNode(binary, folder string, id int, addresses []string) *Node {
	n := &Node{
		ID: id, Client: addresses[0], peer: addresses[1], HTTP: addresses[2], binary: binary,
		log: filepath.Join(folder, fmt.Sprintf("node-%d.log", id)), data: filepath.Join(folder, fmt.Sprintf("node-%d", id)),
	}
	n.arguments = []string{
		"serve", "--id", strconv.Itoa(n.ID), "--data", n.data,
		"--listen", n.Client, "--peer-listen", n.peer, "--http-listen", n.HTTP,
	}
	return n
}

// meet tells the member who belongs to the cluster, and at which addresses it finds them. Each may be given others.
func (n *Node) meet(address func(*Node) string, all []*Node) {
	peers := make([]string, len(all))
	for i, other := range all {
		peers[i] = fmt.Sprintf("%d=%s", other.ID, address(other))
	}
	n.arguments = append(n.arguments, "--peers", strings.Join(peers, ","))
}

// start starts all members, and waits until they serve.
func (c *Cluster) start(ctx context.Context) error {
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			c.Stop()
			return err
		}
	}
	for _, n := range c.Nodes {
		if err := n.AwaitReady(ctx); err != nil {
			c.Stop()
			return err
		}
	}
	return nil
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

// FreeAddresses finds loopback ports that nobody listens on at the moment. They lie below those from which systems take the near ends
// of connections: one of these might else have a member's port when that member starts again.
func FreeAddresses(count int) ([]string, error) {
	const lowest, highest, attempts = 12_000, 32_000, 100
	addresses := make([]string, 0, count)
	for range attempts * count {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest)))
		if err != nil {
			continue
		}
		defer listener.Close() //nolint:errcheck // it was never used
		if addresses = append(addresses, listener.Addr().String()); len(addresses) == count {
			return addresses, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports are to be found between %d and %d", count, lowest, highest)
}

// Start starts the process. What it logs is added to its log file.
func (n *Node) Start() error {
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	process := exec.Command(n.binary, n.arguments...)
	process.Stdout, process.Stderr = log, log
	if err := n.launch(process, n.lastWords); err != nil {
		return fmt.Errorf("starting member %d: %w", n.ID, err)
	}
	return nil
}

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
		case <-n.Ended():
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

// lastWords are what the member's log says of its end.
func (n *Node) lastWords() string { return lastWords(n.log) }
