package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lockd/client"
	"lockd/raft"
)

// Fall is a way to lose a leader.
type Fall struct {
	Name  string
	fell  func(*Node) error
	over  func(context.Context, *failing) error // returns when the cluster has got over it
	stand func(context.Context, *Node) error    // makes a member of the leader again
}

// Falls are all of them, the commonest first.
func Falls() []Fall {
	return []Fall{
		{"kill -9", func(n *Node) error { n.Kill(); return nil }, granted, startAgain},
		{"SIGTERM", func(n *Node) error { n.Terminate(); return nil }, granted, startAgain},
		{"SIGSTOP", suspend, replaced, func(_ context.Context, n *Node) error { n.Resume(); return nil }},
		{"a stalled disk", (*Node).stall, relieved, func(_ context.Context, n *Node) error { return os.Remove(n.stallFile()) }},
	}
}

// failing is a cluster whose leader has fallen, and a client that wants a lock.
type failing struct {
	cluster *Cluster
	watcher *client.Client
	mutex   *client.Mutex
	leader  *Node
}

// granted waits until a lock is granted.
func granted(ctx context.Context, f *failing) error { return grabAndRelease(ctx, f.mutex) }

// replaced waits until another member leads. Clients of the old leader find out as their requests stay unanswered, each in its own time.
func replaced(ctx context.Context, f *failing) error {
	for ctx.Err() == nil {
		for _, n := range f.cluster.Nodes {
			if n != f.leader && leads(ctx, f.watcher, n) {
				return nil
			}
		}
		pause(ctx, time.Millisecond)
	}
	return ctx.Err()
}

// relieved grabs locks, which the old leader can grant for a while, until it leads no more and another one has granted one.
func relieved(ctx context.Context, f *failing) error {
	for leads(ctx, f.watcher, f.leader) {
		if err := grabAndRelease(ctx, f.mutex); err != nil {
			return err
		}
	}
	return grabAndRelease(ctx, f.mutex)
}

// Gaps are how long it took to get over one way to fall, shortest first.
type Gaps struct {
	Fall string
	Took []time.Duration
}

// Median is the middle of sorted durations.
func Median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

// Failover measures, run by run, how long it takes to get over each fall: the first grant, or, where the old leader's clients may take
// longer to find out, another leader.
func Failover(ctx context.Context, c *Cluster, runs int, progress io.Writer) ([]Gaps, error) {
	watcher, err := client.New(c.Endpoints())
	if err != nil {
		return nil, err
	}
	defer watcher.Close() //nolint:errcheck // it holds nothing
	session, err := watcher.NewSession(ctx, sessionTTL)
	if err != nil {
		return nil, err
	}
	falls := Falls()
	report := make([]Gaps, len(falls))
	for run := range runs {
		for i, fall := range falls {
			gap, err := c.failover(ctx, watcher, session, fall)
			if err != nil {
				return nil, fmt.Errorf("run %d, %s: %w", run+1, fall.Name, err)
			}
			report[i].Fall, report[i].Took = fall.Name, append(report[i].Took, gap)
			fmt.Fprintf(progress, "\rrun %d of %d: %v after %s    ", run+1, runs, gap.Round(time.Millisecond), fall.Name)
		}
	}
	fmt.Fprintln(progress)
	for i := range report {
		slices.Sort(report[i].Took)
	}
	return report, session.Close(ctx)
}

// failover lets the leader fall, and waits until that is got over.
func (c *Cluster) failover(ctx context.Context, watcher *client.Client, session *client.Session, fall Fall) (time.Duration, error) {
	leader, err := c.AwaitLeader(ctx, watcher)
	if err != nil {
		return 0, err
	}
	f := &failing{c, watcher, session.Mutex("failover"), leader}
	if err := grabAndRelease(ctx, f.mutex); err != nil {
		return 0, err
	}
	start := time.Now()
	if err := fall.fell(leader); err != nil {
		return 0, err
	}
	if err := fall.over(ctx, f); err != nil {
		return 0, err
	}
	gap := time.Since(start)
	if err := fall.stand(ctx, leader); err != nil {
		return 0, err
	}
	return gap, leader.AwaitReady(ctx)
}

func leads(ctx context.Context, watcher *client.Client, n *Node) bool {
	seen, err := watcher.Status(ctx, n.Client)
	return err == nil && seen.Node.Role == raft.Leader
}

// startAgain starts a member that was told to end.
func startAgain(ctx context.Context, n *Node) error {
	select {
	case <-n.Ended():
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second):
		return errors.New("a leader that was asked to stop still runs after ten seconds: " + n.lastWords())
	}
	return n.Start()
}

func suspend(n *Node) error {
	if !n.Suspend() {
		return errors.New("the leader does not stand still")
	}
	return nil
}

func (n *Node) stallFile() string { return filepath.Join(n.data, "STALL") }

// stall makes the member's disk hang: no sync comes to its end.
func (n *Node) stall() error { return os.WriteFile(n.stallFile(), nil, 0o600) }

func grabAndRelease(ctx context.Context, mutex *client.Mutex) error {
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	return mutex.Unlock(ctx)
}
