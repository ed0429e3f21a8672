package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"lockd/bench/growth"
	"lockd/bench/report"
	"lockd/bench/service"
	"lockd/bench/workload"
)

// amid is how many clients are at work while something else grows.
const amid = 64

// experiment is one thing that grows.
type experiment struct {
	report.Workload
	sizes []int
	limit time.Duration // for all its sizes and rounds
	run   func(context.Context, *bench, *experiment, *service.System) error
}

// growing measures how the cost of lockd grows, with nobody beside it. It fails where a promise is broken.
func growing(ctx context.Context, arguments []string) error {
	var menu menu
	for _, e := range experiments() {
		menu.workloads = append(menu.workloads, e.Name)
	}
	o, err := parse("growth", menu, arguments)
	if err != nil {
		return err
	}
	return conduct(ctx, o, "growth", "How the cost grows", func(ctx context.Context, b *bench) error {
		say("building lockd")
		lockd, err := service.Lockd(ctx, b.folder)
		if err != nil {
			return err
		}
		b.report.Subjects = []report.Subject{{Name: lockd.Name, Version: lockd.Version, Settings: lockd.Settings}}
		for _, e := range experiments() {
			if b.workloads.has(e.Name) {
				b.try(ctx, &e, lockd)
			}
		}
		return nil
	})
}

// try runs an experiment within its time, and keeps what came of it.
func (b *bench) try(ctx context.Context, e *experiment, lockd *service.System) {
	ctx, cancel := context.WithTimeout(ctx, e.limit)
	defer cancel()
	e.sizes = upTo(b.most, e.sizes)
	err := e.run(ctx, b, e, lockd)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		b.note("%s is not complete: %v", e.Name, err)
	}
	b.report.Workloads = append(b.report.Workloads, e.Workload)
}

func upTo(most int, sizes []int) (kept []int) {
	for _, size := range sizes {
		if size <= most {
			kept = append(kept, size)
		}
	}
	return kept
}

// experiments are all of them. What each client or lock costs must not depend on how many there are, and what they take together must not grow
// faster than they do.
func experiments() []experiment {
	return []experiment{
		{report.Workload{
			Name: "clients", Case: "clients", Plotted: true,
			About:   "Each client acquires and releases a lock of its own, in a closed loop.",
			Metrics: loads(workload.PairsPerSecond, report.Linear, report.Constant),
		}, []int{1, 4, 16, 64, 256, 1024, 4096}, 10 * time.Minute, moreClients(workload.Pairs)},
		{report.Workload{
			Name: "waiters", Case: "waiting", Plotted: true,
			About:   "All clients want one lock, release it at once and queue again.",
			Metrics: loads(workload.HandOversPerSecond, report.Constant, report.Constant),
		}, []int{10, 100, 1000, 10_000}, 10 * time.Minute, moreClients(workload.Queue)},
		{report.Workload{
			Name: "locks", Case: "locks held", Plotted: true,
			About: fmt.Sprintf("%d clients with locks of their own, while so many others are held, %d by each of their sessions; and the leader's resident memory.",
				amid, growth.LocksPerSession),
			Metrics: append([]report.Metric{{Name: workload.PairsPerSecond}, {Name: growth.Memory, Lower: true, Growth: report.Linear}},
				loads("", report.Constant, report.Constant)[1:]...),
		}, []int{1000, 10_000, 100_000, 1_000_000}, 20 * time.Minute, moreLocks},
		{report.Workload{
			Name: "snapshot", Case: "locks held", Plotted: true,
			About: "What it takes to encode a snapshot of so many locks and make it durable, in the background, while a few clients write long values: " +
				"what a client saw that grabs and releases a lock all the time, how long a sync of the leader's log took at most, and a turn of its " +
				"loop, which must not be away for more than 10 ms. " +
				"All three members do this at about the same time, on the same processor.",
			Metrics: []report.Metric{
				{Name: growth.SnapshotTime, Lower: true, Growth: report.Linear}, {Name: growth.ProbeP99, Lower: true}, {Name: growth.ProbeMost, Lower: true},
				{Name: growth.LongestSync, Lower: true}, {Name: growth.LongestTurn, Lower: true}, {Name: growth.Stalls, Lower: true, Ceiling: new(float64)},
			},
		}, []int{10_000, 100_000, 1_000_000}, 20 * time.Minute, snapshots},
		{report.Workload{
			Name: "sessions", Case: "sessions", Plotted: true,
			About: fmt.Sprintf("Sessions with a TTL of %v that do nothing but live: processor time of the leader for their renewals, and its resident memory.", idleTTL),
			Metrics: []report.Metric{
				{Name: growth.LeaderCPU, Lower: true, Growth: report.Linear}, {Name: growth.Memory, Lower: true, Growth: report.Linear},
			},
		}, []int{100, 1000, 10_000, 100_000}, 10 * time.Minute, moreSessions},
		{report.Workload{
			Name: "members", Case: "members", Plotted: true,
			About:   fmt.Sprintf("%d clients with locks of their own, and clusters of so many members; processor time is that of all of them.", amid),
			Metrics: loads(workload.PairsPerSecond, report.Linear, report.Linear),
		}, []int{1, 3, 5, 7}, 10 * time.Minute, moreMembers},
		{report.Workload{
			Name: "values", Case: "bytes", Plotted: true,
			About:   fmt.Sprintf("%d clients with locks of their own, each with a value of so many bytes.", amid),
			Metrics: loads(workload.PairsPerSecond, report.Linear, report.Linear),
		}, []int{16, 64, 256, 1024, 4096}, 10 * time.Minute, longerValues},
		{report.Workload{
			Name: "recovery", Case: "MiB of log", Plotted: true,
			About: "A cluster of one, killed with so much log that no snapshot stands for (a running node takes one each 8 MiB, or as often as " +
				"it has written as much as the last one had): from its start to its first grant.",
			Metrics: []report.Metric{
				{Name: growth.RecoveryTime, Lower: true, Growth: report.Linear}, {Name: growth.Memory, Lower: true, Growth: report.Linear}, {Name: growth.Entries},
			},
		}, []int{64, 256, 1024}, 15 * time.Minute, longerLogs},
	}
}

// loads are the metrics of a load, with what is promised of its latency in the middle and of its processor time.
func loads(rate string, latency, processor report.Growth) []report.Metric {
	metrics := rates(rate)
	metrics[1].Growth, metrics[3].Growth = latency, processor
	return metrics
}

// with runs an experiment on one cluster of three.
func with(ctx context.Context, b *bench, lockd *service.System, work func(*service.Cluster) error) error {
	c, err := b.startOne(ctx, lockd, service.Timing{})
	if err != nil {
		return err
	}
	defer c.Stop()
	return work(c)
}

// repeat measures one case as often as it was told to.
func (b *bench) repeat(ctx context.Context, e *experiment, size int, run func() (workload.Figures, error)) {
	for round := range b.rounds {
		b.measure(ctx, &e.Workload, "lockd", strconv.Itoa(size), round, run)
	}
}

func moreClients(run load) func(context.Context, *bench, *experiment, *service.System) error {
	return func(ctx context.Context, b *bench, e *experiment, lockd *service.System) error {
		return with(ctx, b, lockd, func(c *service.Cluster) error {
			b.interleave(ctx, &e.Workload, []*service.Cluster{c}, e.sizes, run)
			return nil
		})
	}
}

func moreLocks(ctx context.Context, b *bench, e *experiment, lockd *service.System) error {
	return holding(ctx, b, e, lockd, func(c *service.Cluster) (workload.Figures, error) {
		return growth.PairsAmid(ctx, c, amid, b.duration)
	})
}

func snapshots(ctx context.Context, b *bench, e *experiment, lockd *service.System) error {
	return holding(ctx, b, e, lockd, func(c *service.Cluster) (workload.Figures, error) { return growth.Snapshot(ctx, c) })
}

// holding measures while ever more locks are held.
func holding(ctx context.Context, b *bench, e *experiment, lockd *service.System, measure func(*service.Cluster) (workload.Figures, error)) error {
	return with(ctx, b, lockd, func(c *service.Cluster) error {
		held := 0
		for _, size := range e.sizes {
			began := time.Now()
			if err := growth.Hold(ctx, c, held, size); err != nil {
				return err
			}
			say("%s: %d locks more are held after %.1f s", e.Name, size-held, time.Since(began).Seconds())
			held = size
			b.repeat(ctx, e, size, func() (workload.Figures, error) { return measure(c) })
		}
		return nil
	})
}

const (
	idleTTL = 15 * time.Second
	// idleSpans is how many times longer than a load idle sessions are looked at: by default for a TTL, in which each is renewed three times.
	idleSpans = 5
)

func moreSessions(ctx context.Context, b *bench, e *experiment, lockd *service.System) error {
	return with(ctx, b, lockd, func(c *service.Cluster) error {
		opened := 0
		for _, size := range e.sizes {
			crew, err := service.OpenLockd(ctx, c, size-opened, service.Wish{TTL: idleTTL})
			if err != nil {
				return err
			}
			defer crew.Leave() // the servers end with this
			opened = size
			b.repeat(ctx, e, size, func() (workload.Figures, error) { return growth.Idle(ctx, c, idleSpans*b.duration) })
		}
		return nil
	})
}

// moreMembers loads clusters of all sizes in turn. One that nobody loads has hardly anything to do.
func moreMembers(ctx context.Context, b *bench, e *experiment, lockd *service.System) error {
	var clusters []*service.Cluster
	defer func() { stop(clusters) }()
	for _, size := range e.sizes {
		c, err := b.startOne(ctx, lockd.WithServers(size), service.Timing{})
		if err != nil {
			return err
		}
		clusters = append(clusters, c)
	}
	for round := range b.rounds {
		for _, c := range clusters {
			b.measure(ctx, &e.Workload, "lockd", strconv.Itoa(c.System.Servers), round, func() (workload.Figures, error) {
				return workload.Pairs(ctx, c, amid, b.duration)
			})
		}
	}
	return nil
}

func longerValues(ctx context.Context, b *bench, e *experiment, lockd *service.System) error {
	return with(ctx, b, lockd, func(c *service.Cluster) error {
		for round := range b.rounds {
			for _, size := range e.sizes {
				b.measure(ctx, &e.Workload, "lockd", strconv.Itoa(size), round, func() (workload.Figures, error) {
					return growth.PairsWithValues(ctx, c, amid, size, b.duration)
				})
			}
		}
		return nil
	})
}

func longerLogs(ctx context.Context, b *bench, e *experiment, lockd *service.System) error {
	for round := range b.rounds {
		for _, size := range e.sizes {
			b.measure(ctx, &e.Workload, "lockd", strconv.Itoa(size), round, func() (workload.Figures, error) {
				folder, err := os.MkdirTemp(b.folder, "log-")
				if err != nil {
					return nil, err
				}
				defer os.RemoveAll(folder) //nolint:errcheck // the scratch folder goes as a whole
				return growth.Recover(ctx, lockd, folder, size)
			})
		}
	}
	return nil
}
