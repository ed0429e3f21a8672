package main

import (
	"context"
	"time"

	"lockd/bench/report"
	"lockd/bench/service"
	"lockd/bench/workload"
)

func own() report.Workload {
	return report.Workload{
		Name: "own", Case: "clients", Plotted: true,
		About:   "Each client acquires and releases a lock of its own, in a closed loop.",
		Metrics: rates(workload.PairsPerSecond),
	}
}

func queue() report.Workload {
	return report.Workload{
		Name: "queue", Case: "waiting", Plotted: true,
		About: "All clients want one lock, release it at once and queue again. A hand-over is from the holder's call of release to the " +
			"return of another one's acquire.",
		Metrics: rates(workload.HandOversPerSecond),
	}
}

// rates are the metrics of a load.
func rates(rate string) []report.Metric {
	return []report.Metric{{Name: rate}, {Name: workload.P50, Lower: true}, {Name: workload.P99, Lower: true}, {Name: workload.CPU, Lower: true}}
}

// timings are the settings under which a leader is killed.
var timings = []struct {
	name   string
	timing service.Timing
}{
	{"defaults", service.Timing{}},
	{"heartbeat 10 ms, election 100 ms", service.Timing{Heartbeat: 10 * time.Millisecond, Election: 100 * time.Millisecond}},
}

// failovers kills leaders: each system runs alone, since one that elects takes what processor it can get.
func (b *bench) failovers(ctx context.Context) error {
	if !b.runs("failover") {
		return nil
	}
	w := report.Workload{
		Name: "failover", Case: "settings",
		About: "kill -9 of the leader under 16 clients with locks of their own, whose attempts last 300 ms at most: to the end of the first acquire " +
			"that was started when the leader was gone, and until each client has had one.",
		Metrics: []report.Metric{{Name: workload.FirstGrant, Lower: true}, {Name: workload.AllServed, Lower: true}},
	}
	for _, t := range timings {
		for _, s := range b.systems {
			if s.Servers == 1 || t.timing != (service.Timing{}) && !s.Tunes {
				continue
			}
			if err := b.alone(ctx, s, t.timing, b.rounds, func(c *service.Cluster, round int) {
				b.measure(ctx, &w, s.Name, t.name, round, func() (workload.Figures, error) { return workload.Failover(ctx, c) })
			}); err != nil {
				return err
			}
		}
	}
	b.report.Workloads = append(b.report.Workloads, w)
	return nil
}

func (b *bench) memories(ctx context.Context) error {
	if !b.runs("memory") {
		return nil
	}
	w := report.Workload{
		Name: "memory", Case: "of",
		About: "Resident memory of the leader: 1,000 sessions that hold 100,000 locks, the same sessions without locks, and nothing.",
		Metrics: []report.Metric{
			{Name: workload.MemoryOfLocks, Lower: true}, {Name: workload.MemoryOfSessions, Lower: true}, {Name: workload.MemoryEmpty, Lower: true},
		},
	}
	for _, s := range b.systems {
		if err := b.alone(ctx, s, service.Timing{}, 1, func(c *service.Cluster, round int) {
			b.measure(ctx, &w, s.Name, "the leader", round, func() (workload.Figures, error) { return workload.Memory(ctx, c) })
		}); err != nil {
			return err
		}
	}
	b.report.Workloads = append(b.report.Workloads, w)
	return nil
}

// alone runs a cluster while nobody else runs.
func (b *bench) alone(ctx context.Context, s *service.System, timing service.Timing, rounds int, work func(*service.Cluster, int)) error {
	c, err := b.startOne(ctx, s, timing)
	if err != nil {
		return err
	}
	defer c.Stop()
	for round := range rounds {
		work(c, round)
	}
	return ctx.Err()
}
