package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lockd/client"
)

// FullDiskReport is what full disks cost those who worked on.
type FullDiskReport struct {
	Follower time.Duration // the longest time in which nobody was served while a follower's disk was full
	Leader   time.Duration // and from before the leader's was, until another one led
	Majority time.Duration // from when there was room again, after most disks had been full, until somebody was served
}

// SmallDisk is how large each member's disk is, in a trial that fills it: enough for the log that a member keeps, and soon full.
const SmallDisk = 96 << 20

// FullDisk fills the disk of a follower, of the leader, and of two members of three, while clients work. Members' data must lie on disks of
// their own: see MountSmallDisks.
func FullDisk(ctx context.Context, c *Cluster, clients int, progress io.Writer) (report FullDiskReport, err error) {
	mill, err := startMill(ctx, c, clients, client.WithValue(strings.Repeat("v", 4000)))
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, mill.end()) }()
	watcher, err := client.New(c.Endpoints())
	if err != nil {
		return report, err
	}
	defer watcher.Close() //nolint:errcheck // it holds nothing
	t := &fullDisks{cluster: c, watcher: watcher, mill: mill, progress: progress}
	leader, err := c.AwaitLeader(ctx, watcher)
	if err != nil {
		return report, err
	}
	follower := c.Nodes[leader.ID%len(c.Nodes)]
	if report.Follower, err = t.fillOne(ctx, follower); err != nil {
		return report, err
	}
	if leader, err = c.AwaitLeader(ctx, watcher); err != nil {
		return report, err
	}
	if report.Leader, err = t.fillOne(ctx, leader); err != nil {
		return report, err
	}
	report.Majority, err = t.fillMost(ctx)
	return report, err
}

// fullDisks is one such trial.
type fullDisks struct {
	cluster  *Cluster
	watcher  *client.Client
	mill     *mill
	progress io.Writer
}

// fillOne fills one member's disk, waits until it says so and clients have worked on for a while, and makes room again. It returns the longest
// time in which nobody was served.
func (t *fullDisks) fillOne(ctx context.Context, n *Node) (time.Duration, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	longest := make(chan time.Duration, 1)
	go func() { longest <- t.mill.longestGap(watching) }()
	if err := t.fill(ctx, n); err != nil {
		return 0, err
	}
	pause(ctx, 3*time.Second)
	if leads(ctx, t.watcher, n) {
		return 0, fmt.Errorf("member %d leads on, with a full disk", n.ID)
	}
	stop()
	gap := <-longest
	return gap, t.free(ctx, n)
}

// fillMost fills the disks of all members but one. Nobody can be served then; when there is room again, the cluster must come back by itself.
func (t *fullDisks) fillMost(ctx context.Context) (time.Duration, error) {
	most := t.cluster.Nodes[1:]
	for _, n := range most {
		if err := t.occupy(n); err != nil {
			return 0, err
		}
	}
	for _, n := range most {
		if err := n.awaitFull(ctx, true); err != nil {
			return 0, err
		}
	}
	pause(ctx, 2*time.Second)
	start, done := time.Now(), t.mill.pairs.Load()
	for _, n := range most {
		if err := os.Remove(n.filler()); err != nil {
			return 0, err
		}
	}
	for t.mill.pairs.Load() == done {
		if time.Since(start) > 30*time.Second || ctx.Err() != nil {
			return 0, errors.New("nobody is served half a minute after there is room again")
		}
		pause(ctx, time.Millisecond)
	}
	return time.Since(start), nil
}

func (t *fullDisks) fill(ctx context.Context, n *Node) error {
	if err := t.occupy(n); err != nil {
		return err
	}
	return n.awaitFull(ctx, true)
}

func (t *fullDisks) free(ctx context.Context, n *Node) error {
	if err := os.Remove(n.filler()); err != nil {
		return err
	}
	if err := n.awaitFull(ctx, false); err != nil {
		return err
	}
	return t.cluster.awaitLag(ctx, t.watcher, n, t.progress, func(lag uint64) bool { return lag <= nextTo })
}

func (n *Node) filler() string { return filepath.Join(n.data, "filler.new") }

// occupy takes what room there is on the member's disk.
func (t *fullDisks) occupy(n *Node) error {
	fmt.Fprintf(t.progress, "\rfilling the disk of member %d                    ", n.ID)
	file, err := os.Create(n.filler())
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // what it holds is of no use
	for piece := make([]byte, 1<<20); len(piece) > 0; {
		if _, err := file.Write(piece); errors.Is(err, syscall.ENOSPC) {
			piece = piece[:len(piece)/2]
		} else if err != nil {
			return err
		}
	}
	return nil
}

// awaitFull waits until the member says that its disk has no room, or has some again.
func (n *Node) awaitFull(ctx context.Context, full bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	line := map[bool]string{true: "\nlockd_disk_full 1\n", false: "\nlockd_disk_full 0\n"}[full]
	for {
		metrics, err := n.metrics(ctx)
		if err == nil && strings.Contains(metrics, line) {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("member %d does not say%sin its metrics: %w; its last words: %s", n.ID, strings.ReplaceAll(line, "\n", " "), ctx.Err(), n.lastWords())
		}
		pause(ctx, 5*time.Millisecond)
	}
}

func (n *Node) metrics(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.HTTP+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// longestGap is the longest time without a pair until the context ends.
func (m *mill) longestGap(ctx context.Context) (longest time.Duration) {
	last, done := time.Now(), m.pairs.Load()
	for ctx.Err() == nil {
		pause(ctx, time.Millisecond)
		longest = max(longest, time.Since(last))
		if now := m.pairs.Load(); now != done {
			last, done = time.Now(), now
		}
	}
	return longest
}
