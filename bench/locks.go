package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"lockd/bench/report"
	"lockd/bench/service"
	"lockd/bench/workload"
)

// bench is one run of the benchmark of lock services.
type bench struct {
	*options
	folder  string
	systems []*service.System
	report  *report.Report
}

func locks(ctx context.Context, arguments []string) error {
	o, err := parse("locks", []string{"own", "queue", "failover", "memory"}, arguments)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	folder, remove, err := o.folder()
	if err != nil {
		return err
	}
	defer remove()
	r, err := newReport(ctx, "Lock services", "locks", arguments)
	if err != nil {
		return err
	}
	b := &bench{options: o, folder: folder, report: r}
	if err := b.find(ctx); err != nil {
		return err
	}
	if err := b.loads(ctx); err != nil {
		return err
	}
	return o.conclude(r)
}

// find builds what is built and looks for what must be installed.
func (b *bench) find(ctx context.Context) error {
	say("building lockd and etcd")
	lockd, err := service.Lockd(ctx, b.folder)
	if err != nil {
		return err
	}
	etcd, err := service.Etcd(ctx, b.folder)
	if err != nil {
		return err
	}
	for _, s := range []*service.System{lockd, etcd, service.ZooKeeper(), service.Redis()} {
		switch {
		case !b.wants(s.Name):
		case s.Missing != "":
			b.note("SKIPPED: %s", s.Missing)
		default:
			b.systems = append(b.systems, s)
			b.report.Subjects = append(b.report.Subjects, report.Subject{Name: s.Name, Version: s.Version, Settings: s.Settings})
		}
	}
	return nil
}

// loads runs the workloads for which all systems run at the same time, and are loaded in turn.
func (b *bench) loads(ctx context.Context) error {
	own := report.Workload{
		Name: "own", About: "Each client acquires and releases a lock of its own, in a closed loop.", Case: "clients", Plotted: true,
		Metrics: []report.Metric{{Name: workload.PairsPerSecond}, {Name: workload.P50, Lower: true}, {Name: workload.P99, Lower: true}, {Name: workload.CPU, Lower: true}},
	}
	queue := report.Workload{
		Name: "queue", About: "All clients want one lock, release it at once and queue again. A hand-over is from the call of release to the next holder's return.",
		Case: "waiting", Plotted: true,
		Metrics: []report.Metric{{Name: workload.HandOversPerSecond}, {Name: workload.P50, Lower: true}, {Name: workload.P99, Lower: true}, {Name: workload.CPU, Lower: true}},
	}
	clusters, err := b.start(ctx)
	defer stop(clusters)
	if err != nil {
		return err
	}
	if b.runs("own") {
		b.interleave(ctx, &own, clusters, []int{1, 64, 256}, workload.Pairs)
	}
	if b.runs("queue") {
		b.interleave(ctx, &queue, clusters, []int{10, 100, 1000}, workload.Queue)
	}
	return ctx.Err()
}

func (b *bench) start(ctx context.Context) ([]*service.Cluster, error) {
	var clusters []*service.Cluster
	for _, s := range b.systems {
		say("starting %s %s", s.Name, s.Version)
		folder := filepath.Join(b.folder, "data-"+s.Name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			return clusters, err
		}
		c, err := s.Start(ctx, folder, service.Timing{})
		if err != nil {
			return clusters, err
		}
		clusters = append(clusters, c)
	}
	return clusters, nil
}

func stop(clusters []*service.Cluster) {
	for _, c := range clusters {
		c.Stop()
	}
}

type load func(context.Context, *service.Cluster, int, time.Duration) (workload.Figures, error)

// interleave interleaves: in each round, each number of clients, each system.
func (b *bench) interleave(ctx context.Context, w *report.Workload, clusters []*service.Cluster, sizes []int, run load) {
	for round := range b.rounds {
		for _, clients := range sizes {
			for _, c := range clusters {
				if ctx.Err() != nil {
					return
				}
				figures, err := run(ctx, c, clients, b.duration)
				if err != nil {
					b.note("round %d, %s, %d %s: %v", round+1, w.Name, clients, w.Case, err)
					continue
				}
				w.Add(c.System.Name, strconv.Itoa(clients), round, figures)
				say("round %d, %s, %d %s, %s: %.0f %s", round+1, w.Name, clients, w.Case, c.System.Name, figures[w.Metrics[0].Name], w.Metrics[0].Name)
			}
		}
	}
	b.report.Workloads = append(b.report.Workloads, *w)
}

// note says aloud, and keeps for the report, what did not go as it should.
func (b *bench) note(text string, values ...any) {
	note := fmt.Sprintf(text, values...)
	say("%s", note)
	b.report.Notes = append(b.report.Notes, note)
}

func say(text string, values ...any) { fmt.Fprintf(os.Stderr, text+"\n", values...) }
