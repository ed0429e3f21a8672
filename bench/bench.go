package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"lockd/bench/report"
	"lockd/bench/service"
	"lockd/bench/workload"
)

// bench is one run of a benchmark.
type bench struct {
	*options
	folder string
	report *report.Report
}

// conduct runs a benchmark from its options to its report. What was measured is told whatever happens then: an hour of figures is not to be
// lost because the last of them could not be had. A promise that is broken is an error as well.
func conduct(ctx context.Context, o *options, name, title string, work func(context.Context, *bench) error) error {
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	folder, remove, err := o.folder()
	if err != nil {
		return err
	}
	defer remove()
	r, err := o.newReport(ctx, name, title)
	if err != nil {
		return err
	}
	b := &bench{options: o, folder: folder, report: r}
	err = work(ctx, b)
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("not all was measured: %w", ctx.Err())
	}
	if err != nil {
		b.note("%v", err)
	}
	return errors.Join(err, b.conclude(), broken(r.Workloads))
}

// conclude prints the tables, and writes the JSON if it was asked for.
func (b *bench) conclude() error {
	r := b.report
	fmt.Printf("\n%s\ncommit %s\n", r.Machine, r.Commit)
	for _, s := range r.Subjects {
		fmt.Printf("%s %s: %s\n", s.Name, s.Version, s.Settings)
	}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		fmt.Printf("\n%s: %s\n\n%s", w.Name, w.About, w.Table())
		for _, finding := range w.Findings() {
			fmt.Printf("- %s\n", finding)
		}
	}
	for _, note := range r.Notes {
		fmt.Println("NOTE:", note)
	}
	if b.json == "" {
		return nil
	}
	return r.Write(b.json)
}

// broken is an error that tells which promises are.
func broken(workloads []report.Workload) error {
	var errs []error
	for i := range workloads {
		for _, finding := range workloads[i].Findings() {
			if finding.Broken() {
				errs = append(errs, fmt.Errorf("%s: %s", workloads[i].Name, finding))
			}
		}
	}
	return errors.Join(errs...)
}

// startOne starts a cluster with a folder of its own.
func (b *bench) startOne(ctx context.Context, s *service.System, timing service.Timing) (*service.Cluster, error) {
	folder, err := os.MkdirTemp(b.folder, "data-"+s.Name+"-")
	if err != nil {
		return nil, err
	}
	return s.Start(ctx, folder, timing)
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
	first := w.Metrics[0].Name
	say("round %d, %s, %s %s, %s: %.1f %s", round+1, w.Name, c, w.Case, system, figures[first], first)
}

// note says aloud, and keeps for the report, what did not go as it should.
func (b *bench) note(text string, values ...any) {
	note := fmt.Sprintf(text, values...)
	say("%s", note)
	b.report.Notes = append(b.report.Notes, note)
}

func say(text string, values ...any) { fmt.Fprintf(os.Stderr, text+"\n", values...) }
