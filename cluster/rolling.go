package cluster

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"lockd/client"
)

// RollingReport is what a rolling restart did to those who worked through it.
type RollingReport struct {
	Took    time.Duration
	Longest time.Duration // between two grants, whoever was granted
	Verdict Verdict
}

// Rolling restarts all members with another binary, one after the other and the leader last, by SIGTERM, while clients work.
func Rolling(ctx context.Context, c *Cluster, binary string, clients int, progress io.Writer) (RollingReport, error) {
	var report RollingReport
	l, err := startLoad(ctx, c.Endpoints(), clients)
	if err != nil {
		return report, err
	}
	defer l.end()
	watcher, err := client.New(c.Endpoints())
	if err != nil {
		return report, err
	}
	defer watcher.Close() //nolint:errcheck // it holds nothing
	leader, err := c.AwaitLeader(ctx, watcher)
	if err != nil {
		return report, err
	}
	pause(ctx, time.Second)
	start := l.history.Now()
	last := append(slices.DeleteFunc(slices.Clone(c.Nodes), func(n *Node) bool { return n == leader }), leader)
	for i, n := range last {
		fmt.Fprintf(progress, "\rrestarting member %d, %d of %d; %d grants ", n.ID, i+1, len(last), l.history.Grants())
		n.Terminate()
		n.binary = binary
		if err := startAgain(ctx, n); err != nil {
			return report, err
		}
		if err := n.AwaitReady(ctx); err != nil {
			return report, err
		}
		if err := l.trouble(); err != nil {
			return report, fmt.Errorf("after member %d was restarted: %w", n.ID, err)
		}
		pause(ctx, 500*time.Millisecond)
	}
	fmt.Fprintln(progress)
	l.end()
	report.Took = l.history.Now() - start
	report.Longest = l.history.longestGap(start)
	report.Verdict = l.history.Judge()
	return report, nil
}

// longestGap is the longest time between two grants since an instant.
func (h *History) longestGap(since time.Duration) (longest time.Duration) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	var granted []time.Duration
	for _, hold := range h.holds {
		if hold.Granted >= since {
			granted = append(granted, hold.Granted)
		}
	}
	slices.Sort(granted)
	for i := 1; i < len(granted); i++ {
		longest = max(longest, granted[i]-granted[i-1])
	}
	return longest
}
