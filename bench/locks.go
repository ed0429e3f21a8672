package main

import (
	"context"
	"fmt"
	"os"
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
	r, err := o.newReport(ctx, "locks", "Lock services")
	if err != nil {
		return err
	}
	b := &bench{options: o, folder: folder, report: r}
	if err := b.find(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{b.loads, b.failovers, b.memories} {
		if err := step(ctx); err != nil {
			return err
		}
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
	if !b.runs("own") && !b.runs("queue") {
		return nil
	}
	clusters, err := b.start(ctx)
	defer stop(clusters)
	if err != nil {
		return err
	}
	for _, c := range clusters { // Java compiles what runs often
		if _, err := workload.Pairs(ctx, c, 64, b.duration); err != nil {
			return err
		}
	}
	if b.runs("own") {
		w := own()
		b.interleave(ctx, &w, clusters, []int{1, 64, 256}, workload.Pairs)
	}
	if b.runs("queue") {
		w := queue()
		b.interleave(ctx, &w, clusters, []int{10, 100, 1000}, workload.Queue)
	}
	return ctx.Err()
}

func (b *bench) start(ctx context.Context) ([]*service.Cluster, error) {
	var clusters []*service.Cluster
	for _, s := range b.systems {
		say("starting %s %s", s.Name, s.Version)
		c, err := b.startOne(ctx, s, service.Timing{})
		if err != nil {
			return clusters, err
		}
		clusters = append(clusters, c)
	}
	return clusters, nil
}

// startOne starts a cluster with a folder of its own.
func (b *bench) startOne(ctx context.Context, s *service.System, timing service.Timing) (*service.Cluster, error) {
	folder, err := os.MkdirTemp(b.folder, "data-"+s.Name+"-")
	if err != nil {
		return nil, err
	}
	return s.Start(ctx, folder, timing)
}

func stop(clusters []*service.Cluster) {
	for _, c := range clusters {
		c.Stop()
	}
}

type load func(context.Context, *service.Cluster, int, time.Duration) (workload.Figures, error)

// interleave has each system do its part in each round, for each number of clients.
func (b *bench) interleave(ctx context.Context, w *report.Workload, clusters []*service.Cluster, sizes []int, run load) {
	for round := range b.rounds {
		for _, clients := range sizes {
			for _, c := range clusters {
				b.measure(ctx, w, c.System.Name, strconv.Itoa(clients), round, func() (workload.Figures, error) {
					return run(ctx, c, clients, b.duration)
				})
			}
		}
	}
	b.report.Workloads = append(b.report.Workloads, *w)
}

// measure adds a point. That one could not be measured is noted, and is no reason to throw the others away; but when the time is over, it is.
func (b *bench) measure(ctx context.Context, w *report.Workload, system, c string, round int, run func() (workload.Figures, error)) {
	if ctx.Err() != nil {
		return
	}
	figures, err := run()
	if err != nil {
		b.note("round %d, %s, %s %s: %v", round+1, w.Name, c, w.Case, err)
		return
	}
	w.Add(system, c, round, figures)
	say("round %d, %s, %s %s, %s: %.0f %s", round+1, w.Name, c, w.Case, system, figures[w.Metrics[0].Name], w.Metrics[0].Name)
}

// note says aloud, and keeps for the report, what did not go as it should.
func (b *bench) note(text string, values ...any) {
	note := fmt.Sprintf(text, values...)
	say("%s", note)
	b.report.Notes = append(b.report.Notes, note)
}

func say(text string, values ...any) { fmt.Fprintf(os.Stderr, text+"\n", values...) }
