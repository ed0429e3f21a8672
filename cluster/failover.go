package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"lockd/client"
)

// FailoverReport is how long nobody was granted anything, in each run, shortest first.
type FailoverReport struct {
	Killed, Asked []time.Duration // after kill -9 of the leader, and after SIGTERM
}

// Median is the middle of sorted durations.
func Median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

// Failover measures, run by run, the time from the end of the leader to the first grant that was asked for after it.
// It first kills, then asks to stop, as many times each.
func Failover(ctx context.Context, c *Cluster, runs int, progress io.Writer) (FailoverReport, error) {
	var report FailoverReport
	watcher, err := client.New(c.Endpoints())
	if err != nil {
		return report, err
	}
	defer watcher.Close() //nolint:errcheck // it holds nothing
	session, err := watcher.NewSession(ctx, sessionTTL)
	if err != nil {
		return report, err
	}
	for run := range runs {
		gap, err := c.failover(ctx, watcher, session, (*Node).Kill)
		if err != nil {
			return report, fmt.Errorf("run %d: %w", run+1, err)
		}
		report.Killed = append(report.Killed, gap)
		gap, err = c.failover(ctx, watcher, session, (*Node).Terminate)
		if err != nil {
			return report, fmt.Errorf("run %d: %w", run+1, err)
		}
		report.Asked = append(report.Asked, gap)
		fmt.Fprintf(progress, "\rrun %d of %d: %v after kill -9, %v after SIGTERM ", run+1, runs, report.Killed[run].Round(time.Millisecond), gap.Round(time.Millisecond))
	}
	fmt.Fprintln(progress)
	slices.Sort(report.Killed)
	slices.Sort(report.Asked)
	return report, session.Close(ctx)
}

// failover ends the leader, and asks for a lock until it is granted.
func (c *Cluster) failover(ctx context.Context, watcher *client.Client, session *client.Session, end func(*Node)) (time.Duration, error) {
	leader, err := c.AwaitLeader(ctx, watcher)
	if err != nil {
		return 0, err
	}
	mutex := session.Mutex("failover")
	if err := grabAndRelease(ctx, mutex); err != nil {
		return 0, err
	}
	start := time.Now()
	end(leader)
	if err := mutex.Lock(ctx); err != nil {
		return 0, err
	}
	gap := time.Since(start)
	if err := mutex.Unlock(ctx); err != nil {
		return 0, err
	}
	select {
	case <-leader.Ended():
	case <-time.After(10 * time.Second):
		return 0, errors.New("a leader that was asked to stop still runs after ten seconds: " + leader.lastWords())
	}
	if err := leader.Start(); err != nil {
		return 0, err
	}
	return gap, leader.AwaitReady(ctx)
}

func grabAndRelease(ctx context.Context, mutex *client.Mutex) error {
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	return mutex.Unlock(ctx)
}
