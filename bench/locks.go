package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockd/bench/report"
	"lockd/bench/service"
	"lockd/bench/workload"
)

// found is a lock service that may be measured here.
type found struct {
	name string
	find func(ctx context.Context, binaries string) (*service.System, error)
}

// services are the lock services, ours first.
var services = []found{
	{"lockd", service.Lockd},
	{"etcd", service.Etcd},
	{"ZooKeeper", func(context.Context, string) (*service.System, error) { return service.ZooKeeper(), nil }},
	{"Redis", func(context.Context, string) (*service.System, error) { return service.Redis(), nil }},
}

// locks measures lock services beside each other.
func locks(ctx context.Context, arguments []string) error {
	menu := menu{workloads: []string{"own", "queue", "failover", "memory"}}
	for _, s := range services {
		menu.subjects = append(menu.subjects, s.name)
	}
	o, err := parse("locks", menu, arguments)
	if err != nil {
		return err
	}
	return conduct(ctx, o, "locks", "Lock services", func(ctx context.Context, b *bench) error {
		systems, err := b.find(ctx)
		if err != nil {
			return err
		}
		b.loads(ctx, systems)
		if b.workloads.has("failover") {
			b.failovers(ctx, systems)
		}
		if b.workloads.has("memory") {
			b.memories(ctx, systems)
		}
		return nil
	})
}

// find builds what is wanted and built, and looks for what must be installed.
func (b *bench) find(ctx context.Context) (systems []*service.System, err error) {
	for _, wanted := range services {
		if !b.subjects.has(wanted.name) {
			continue
		}
		say("looking for %s, or building it", wanted.name)
		s, err := wanted.find(ctx, b.folder)
		if err != nil {
			return nil, err
		}
		if s.Missing != "" {
			b.note("SKIPPED: %s", s.Missing)
			continue
		}
		systems = append(systems, s)
		b.report.Subjects = append(b.report.Subjects, report.Subject{Name: s.Name, Version: s.Version, Settings: s.Settings, Choices: s.Choices})
	}
	return systems, nil
}

// loads runs the workloads for which all systems run at the same time, and are loaded in turn.
func (b *bench) loads(ctx context.Context, systems []*service.System) {
	if !b.workloads.has("own") && !b.workloads.has("queue") {
		return
	}
	clusters := b.start(ctx, systems)
	defer stop(clusters)
	for _, c := range clusters {
		b.warm(ctx, c)
	}
	if b.workloads.has("own") {
		w := own()
		b.interleave(ctx, &w, clusters, []int{1, 64, 256}, workload.Pairs)
		b.report.Workloads = append(b.report.Workloads, w)
	}
	if b.workloads.has("queue") {
		w := queue()
		b.interleave(ctx, &w, clusters, []int{10, 100, 1000}, workload.Queue)
		b.report.Workloads = append(b.report.Workloads, w)
	}
}

// warm loads a system for as long as Java takes to compile what runs often, whoever it is.
func (b *bench) warm(ctx context.Context, c *service.Cluster) {
	_, errPairs := workload.Pairs(ctx, c, 64, 3*b.duration)
	_, errQueue := workload.Queue(ctx, c, 100, b.duration)
	if err := errors.Join(errPairs, errQueue); err != nil {
		b.note("warming up: %v", err)
	}
}

// start starts those systems that can be started.
func (b *bench) start(ctx context.Context, systems []*service.System) (clusters []*service.Cluster) {
	for _, s := range systems {
		say("starting %s %s", s.Name, s.Version)
		c, err := b.startOne(ctx, s, service.Timing{})
		if err != nil {
			b.note("SKIPPED: %v", err)
			continue
		}
		clusters = append(clusters, c)
	}
	return clusters
}

func stop(clusters []*service.Cluster) {
	for _, c := range clusters {
		c.Stop()
	}
}

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
func (b *bench) failovers(ctx context.Context, systems []*service.System) {
	w := report.Workload{
		Name: "failover", Case: "settings",
		About: "kill -9 of the leader under 16 clients with locks of their own, whose attempts last 300 ms at most: to the end of the first acquire " +
			"that was started when the leader was gone, and until each client has had one. By default lockd's heartbeats are 50 ms apart and its " +
			"election timeout is 300 ms, etcd's 100 ms and 1 s, ZooKeeper's ticks 2 s.",
		Metrics: []report.Metric{{Name: workload.FirstGrant, Lower: true}, {Name: workload.AllServed, Lower: true}},
	}
	for round := range b.rounds {
		for _, t := range timings {
			for _, s := range systems {
				if s.Servers > 1 && (t.timing == service.Timing{} || s.Tunes) {
					b.alone(ctx, &w, s, t.timing, t.name, round, workload.Failover)
				}
			}
		}
	}
	b.report.Workloads = append(b.report.Workloads, w)
}

func (b *bench) memories(ctx context.Context, systems []*service.System) {
	w := report.Workload{
		Name: "memory", Case: "of",
		About: "Resident memory of the leader: 1,000 sessions that hold 100,000 locks, the same sessions without locks, and nothing.",
		Metrics: []report.Metric{
			{Name: workload.MemoryOfLocks, Lower: true}, {Name: workload.MemoryOfSessions, Lower: true}, {Name: workload.MemoryEmpty, Lower: true},
		},
	}
	for round := range b.rounds {
		for _, s := range systems {
			b.alone(ctx, &w, s, service.Timing{}, "the leader", round, workload.Memory)
		}
	}
	b.report.Workloads = append(b.report.Workloads, w)
}

// alone measures a cluster that was started for it, while nobody else runs.
func (b *bench) alone(
	ctx context.Context, w *report.Workload, s *service.System, timing service.Timing, c string, round int,
	run func(context.Context, *service.Cluster) (workload.Figures, error),
) {
	b.measure(ctx, w, s.Name, c, round, func() (workload.Figures, error) {
		cluster, err := b.startOne(ctx, s, timing)
		if err != nil {
			return nil, fmt.Errorf("starting: %w", err)
		}
		defer cluster.Stop()
		return run(ctx, cluster)
	})
}
