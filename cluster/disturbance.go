package cluster

import (
	"context"
	"slices"
	"time"

	"lockd/client"
)

// Disturbance is what something that was done to a cluster did to those who worked through it.
type Disturbance struct {
	Took    time.Duration
	Longest time.Duration // between two grants, whoever was granted
	Verdict Verdict
}

// disturb lets clients work while something is done to their cluster, which is told who leads at first. None of them may be told of an error.
func (c *Cluster) disturb(ctx context.Context, clients int, what func(l *load, leader *Node) error) (Disturbance, error) {
	var d Disturbance
	l, err := startLoad(ctx, c.Endpoints(), clients)
	if err != nil {
		return d, err
	}
	defer l.end()
	watcher, err := client.New(c.Endpoints())
	if err != nil {
		return d, err
	}
	defer watcher.Close() //nolint:errcheck // it holds nothing
	leader, err := c.AwaitLeader(ctx, watcher)
	if err != nil {
		return d, err
	}
	pause(ctx, time.Second)
	start := l.history.Now()
	if err := what(l, leader); err != nil {
		return d, err
	}
	d.Took = l.history.Now() - start
	pause(ctx, time.Second)
	if err := l.trouble(); err != nil {
		return d, err
	}
	l.end()
	d.Longest = l.history.longestGap(start)
	d.Verdict = l.history.Judge()
	return d, nil
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
