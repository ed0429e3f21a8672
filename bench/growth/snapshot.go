package growth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"lockd/bench/report"
	"lockd/bench/service"
	"lockd/bench/workload"
)

const (
	// writers fill the log until a snapshot is taken: few, so that the processor has time left, with the longest values.
	writers      = 4
	longestValue = 4096
	snapshotSpan = 3 * time.Minute // in which a snapshot must have been taken
	metricsPause = 50 * time.Millisecond

	turnHistogram = "lockd_loop_seconds"
	syncHistogram = "lockd_fsync_seconds"
)

// Snapshot waits until the leader has taken a snapshot of whatever is held, and tells how long that took, how long the loop and a sync of the log
// took at most meanwhile, and what it meant for a client that grabs and releases a lock all the time.
func Snapshot(ctx context.Context, c *service.Cluster) (workload.Figures, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotSpan)
	defer cancel()
	leader, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	crew, err := service.OpenLockd(ctx, c, writers+1, service.Wish{TTL: service.TTL, Value: longestValue})
	if err != nil {
		return nil, err
	}
	defer crew.HangUp()
	running, stop := context.WithCancel(ctx)
	busy := work(running, crew)
	rise, err := awaitSnapshot(ctx, c, leader)
	stop()
	latencies, errBusy := busy()
	if err := errors.Join(err, errBusy); err != nil {
		return nil, err
	}
	return snapshotFigures(rise, latencies), nil
}

// work has the first session probe and the others write, until ctx ends. The probe's latencies come from the function that it returns.
func work(ctx context.Context, crew *service.Crew) (wait func() ([]time.Duration, error)) {
	var working sync.WaitGroup
	var latencies []time.Duration
	errs := make([]error, len(crew.Sessions))
	for i, session := range crew.Sessions {
		mutex := session.Mutex(fmt.Sprintf("busy/%d", i))
		working.Go(func() {
			for ctx.Err() == nil && errs[i] == nil {
				began := time.Now()
				err := lockOnce(ctx, mutex)
				switch {
				case ctx.Err() != nil: // it was cut short, and tells nothing
				case err != nil:
					errs[i] = err
				case i == 0:
					latencies = append(latencies, time.Since(began))
				}
			}
		})
	}
	return func() ([]time.Duration, error) {
		working.Wait()
		return latencies, errors.Join(errs...)
	}
}

func lockOnce(ctx context.Context, mutex service.Mutex) error {
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	return mutex.Unlock(ctx)
}

// awaitSnapshot waits until a snapshot is saved that was not ordered yet, and returns by how much the leader's metrics rose until then.
func awaitSnapshot(ctx context.Context, c *service.Cluster, leader *service.Process) (rise service.Metrics, err error) {
	before, err := c.Metrics(ctx, leader)
	if err != nil {
		return nil, err
	}
	err = await(ctx, c, leader, "a snapshot", func(now service.Metrics) bool {
		rise = now.Since(before)
		return now["lockd_snapshot_seconds_count"] > before["lockd_snapshots_total"]
	})
	return rise, err
}

func snapshotFigures(rise service.Metrics, latencies []time.Duration) workload.Figures {
	figures := workload.Figures{
		SnapshotTime: rise["lockd_snapshot_seconds_sum"] / rise["lockd_snapshot_seconds_count"],
		Stalls:       rise.Above(turnHistogram, "0.01"),
		ProbeP99:     report.Quantile(latencies, 0.99).Seconds() * 1000,
		ProbeMost:    report.Quantile(latencies, 1).Seconds() * 1000,
	}
	for metric, histogram := range map[string]string{LongestTurn: turnHistogram, LongestSync: syncHistogram} {
		if longest := rise.Longest(histogram); !math.IsInf(longest, 1) { // which JSON can't say
			figures[metric] = longest * 1000
		}
	}
	return figures
}
