package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"lockd/client"
	"lockd/raft"
	"lockd/server"
)

// CatchUpReport is what it costs a cluster that one of its members catches up.
type CatchUpReport struct {
	Behind        uint64        // entries that the member lacked
	Took          time.Duration // from its start until it lacked next to nothing
	Before, After float64       // pairs of a grab and a release a second, with all members well
	During        float64       // and while the member caught up
}

// Share is what is left of the throughput while a member catches up.
func (r CatchUpReport) Share() float64 { return r.During / ((r.Before + r.After) / 2) }

const (
	window    = 10 * time.Second // over which throughput is measured
	leastSpan = time.Second      // and over which at least, however soon the member has caught up
	nextTo    = 1000             // entries: as many are under way at any moment
)

// CatchUp kills a follower, lets clients work until it is so many entries behind, and measures what they get done while it catches up,
// against what they get done before and after: so many times, because a catch-up takes less than the seconds over which a machine that is
// shared with others is now faster and now slower.
func CatchUp(ctx context.Context, c *Cluster, runs int, entries uint64, clients int, progress io.Writer) (reports []CatchUpReport, err error) {
	mill, err := startMill(ctx, c, clients)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, mill.end()) }()
	watcher, err := client.New(c.Endpoints())
	if err != nil {
		return nil, err
	}
	defer watcher.Close() //nolint:errcheck // it holds nothing
	pause(ctx, window/2)  // until everybody is at work
	for range runs {
		report, err := c.catchUp(ctx, mill, watcher, entries, progress)
		if err != nil {
			return reports, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// MedianShare is that of so many runs, of which there is at least one.
func MedianShare(reports []CatchUpReport) float64 {
	shares := make([]float64, len(reports))
	for i := range reports {
		shares[i] = reports[i].Share()
	}
	slices.Sort(shares)
	return shares[len(shares)/2]
}

func (c *Cluster) catchUp(ctx context.Context, mill *mill, watcher *client.Client, entries uint64, progress io.Writer) (report CatchUpReport, err error) {
	leader, err := c.AwaitLeader(ctx, watcher)
	if err != nil {
		return report, err
	}
	report.Before = mill.rate(ctx, window)
	laggard := c.Nodes[leader.ID%len(c.Nodes)]
	laggard.Kill()
	if err := c.awaitLag(ctx, watcher, laggard, progress, func(lag uint64) bool { report.Behind = lag; return lag >= entries }); err != nil {
		return report, err
	}
	start, done := time.Now(), mill.pairs.Load()
	if err := laggard.Start(); err != nil {
		return report, err
	}
	if err := c.awaitLag(ctx, watcher, laggard, progress, func(lag uint64) bool { return lag <= nextTo }); err != nil {
		return report, err
	}
	report.Took = time.Since(start)
	pause(ctx, leastSpan-report.Took)
	report.During = float64(mill.pairs.Load()-done) / time.Since(start).Seconds()
	report.After = mill.rate(ctx, window)
	return report, nil
}

// awaitLag waits until whoever leads sees a member so far behind.
func (c *Cluster) awaitLag(ctx context.Context, watcher *client.Client, laggard *Node, progress io.Writer, enough func(lag uint64) bool) error {
	for {
		leader, err := c.AwaitLeader(ctx, watcher)
		if err != nil {
			return err
		}
		seen, err := watcher.Status(ctx, leader.Client)
		if err != nil {
			return err
		}
		lag := lagOf(seen, laggard)
		fmt.Fprintf(progress, "\rmember %d is %d entries behind    ", laggard.ID, lag)
		if seen.Node.Role == raft.Leader && enough(lag) {
			fmt.Fprintln(progress)
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func lagOf(seen server.Inspected, member *Node) uint64 {
	for _, m := range seen.Members {
		if m.Member == raft.ID(member.ID) {
			return m.Lag
		}
	}
	return 0
}

// mill is a number of clients that grab and release locks of their own as fast as they can.
type mill struct {
	pairs   atomic.Int64
	stop    context.CancelFunc
	clients []*client.Client
	ended   chan error
	workers int
}

func startMill(ctx context.Context, c *Cluster, workers int, options ...client.MutexOption) (*mill, error) {
	clients, err := connect(c, 8)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	m := &mill{stop: stop, clients: clients, ended: make(chan error, workers), workers: workers}
	for number := range workers {
		go func() { m.ended <- m.turn(ctx, clients[number%len(clients)], fmt.Sprintf("mill/%d", number), options) }()
	}
	return m, nil
}

func (m *mill) turn(ctx context.Context, c *client.Client, name string, options []client.MutexOption) error {
	session, err := c.NewSession(ctx, sessionTTL)
	if err != nil {
		return err
	}
	for mutex := session.Mutex(name, options...); ctx.Err() == nil; m.pairs.Add(1) {
		if err := grabAndRelease(ctx, mutex); err != nil && ctx.Err() == nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// rate is how many pairs a second are done over a while.
func (m *mill) rate(ctx context.Context, while time.Duration) float64 {
	start, done := time.Now(), m.pairs.Load()
	pause(ctx, while)
	return float64(m.pairs.Load()-done) / time.Since(start).Seconds()
}

// end stops the clients, and says what went wrong for any of them.
func (m *mill) end() (trouble error) {
	m.stop()
	for range m.workers {
		trouble = errors.Join(trouble, <-m.ended)
	}
	for _, c := range m.clients {
		_ = c.Close() // its sessions end with it
	}
	return trouble
}
