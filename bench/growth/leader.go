package growth

import (
	"context"
	"fmt"
	"time"

	"lockd/bench/service"
	"lockd/bench/workload"
)

// Names of metrics of the leader.
const (
	Memory       = "leader MiB"
	LeaderCPU    = "leader CPU ms/s"
	SnapshotTime = "snapshot s"
	ProbeP99     = "probe p99 ms"
	ProbeMost    = "probe longest ms"
	Stalls       = "turns above 10 ms"
	LongestTurn  = "longest turn below ms"
	LongestSync  = "longest sync below ms"
	RecoveryTime = "first grant s"
	Entries      = "entries"
)

// addMemory adds the leader's resident set to figures.
func addMemory(ctx context.Context, c *service.Cluster, figures workload.Figures) error {
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	bytes, err := leader.Memory()
	figures[Memory] = float64(bytes) / (1 << 20)
	return err
}

// await asks a process for its metrics until they are as they should be.
func await(ctx context.Context, c *service.Cluster, p *service.Process, what string, reached func(service.Metrics) bool) error {
	for {
		now, err := c.Metrics(ctx, p)
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		if reached(now) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(metricsPause):
		}
	}
}

// PairsAmid is workload.Pairs of some clients while other locks are held, and the leader's memory with all of them.
func PairsAmid(ctx context.Context, c *service.Cluster, clients int, duration time.Duration) (workload.Figures, error) {
	figures, err := workload.Pairs(ctx, c, clients, duration)
	if err != nil {
		return nil, err
	}
	return figures, addMemory(ctx, c, figures)
}

// PairsWithValues is workload.Pairs with values of so many bytes.
func PairsWithValues(ctx context.Context, c *service.Cluster, clients, bytes int, duration time.Duration) (workload.Figures, error) {
	crew, err := service.OpenLockd(ctx, c, clients, service.Wish{TTL: service.TTL, Value: bytes})
	if err != nil {
		return nil, err
	}
	defer crew.HangUp()
	return workload.PairsOf(ctx, c, crew, duration)
}

// Idle is what it costs the leader that sessions live.
func Idle(ctx context.Context, c *service.Cluster, duration time.Duration) (workload.Figures, error) {
	leader, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	before, err := leader.CPU()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	select {
	case <-time.After(duration):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := leader.CPU()
	if err != nil {
		return nil, err
	}
	figures := workload.Figures{LeaderCPU: 1000 * (after - before).Seconds() / time.Since(began).Seconds()}
	return figures, addMemory(ctx, c, figures)
}
