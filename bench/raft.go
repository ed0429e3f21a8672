package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"lockd/bench/library"
	"lockd/bench/report"
	"lockd/bench/workload"
)

// Names of the metrics of the Raft libraries.
const (
	commitsPerSecond = "commits/s"
	processorTime    = "CPU µs"
)

// floor is the name of the disk alone among the subjects.
const floor = "(the disk alone)"

// raftLibraries measures Raft libraries beside each other.
func raftLibraries(ctx context.Context, arguments []string) error {
	menu := menu{workloads: []string{"16", "128"}}
	for _, l := range library.All() {
		menu.subjects = append(menu.subjects, l.Name)
	}
	o, err := parse("raft", menu, arguments)
	if err != nil {
		return err
	}
	return conduct(ctx, o, "raft", "Raft libraries", func(ctx context.Context, b *bench) error {
		libraries := b.libraries(b.report.Commit)
		for _, size := range []int{16, 128} {
			if b.workloads.has(strconv.Itoa(size)) {
				b.replicate(ctx, libraries, size)
			}
		}
		return nil
	})
}

// libraries are those that are wanted.
func (b *bench) libraries(commit string) (wanted []library.Library) {
	versions := map[string]string{"lockd": commit}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Replace == nil {
				versions[m.Path] = m.Version
			}
		}
	}
	for _, l := range library.All() {
		if b.subjects.has(l.Name) {
			wanted = append(wanted, l)
			b.report.Subjects = append(b.report.Subjects, report.Subject{Name: l.Name, Version: versions[l.Module], Settings: l.Settings, Choices: l.Choices})
		}
	}
	return wanted
}

// replicate has each library in turn replicate commands of a size.
func (b *bench) replicate(ctx context.Context, libraries []library.Library, size int) {
	w := report.Workload{
		Name: strconv.Itoa(size), Case: "in flight", Plotted: true,
		About: fmt.Sprintf("Commands of %d bytes, so many of them on their way: from the proposal until a majority has it on disk and the leader "+
			"has applied it. Processor time is that of all three members and of those who propose. %s is one write of a command at three logs at once, "+
			"until two have synced it.", size, floor),
		Metrics: []report.Metric{{Name: commitsPerSecond}, {Name: workload.P50, Lower: true}, {Name: workload.P99, Lower: true}, {Name: processorTime, Lower: true}},
	}
	for round := range b.rounds {
		for _, l := range libraries {
			if ctx.Err() != nil {
				break
			}
			b.replicateWith(ctx, &w, l, size, round)
		}
		b.measure(ctx, &w, floor, "1", round, func() (workload.Figures, error) { return b.floor(size) })
	}
	b.report.Workloads = append(b.report.Workloads, w)
}

// replicateWith starts a group, which is measured with more and more commands on their way.
func (b *bench) replicateWith(ctx context.Context, w *report.Workload, l library.Library, size, round int) {
	folder, err := os.MkdirTemp(b.folder, "group-")
	if err != nil {
		b.note("%v", err)
		return
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the scratch folder goes as a whole
	defer runtime.GC()         // nobody pays for what another one has left behind
	group, err := l.Start(folder)
	if err != nil {
		b.note("round %d: %v", round+1, err)
		return
	}
	for _, workers := range []int{1, 64, 256, 1024} {
		b.measure(ctx, w, l.Name, strconv.Itoa(workers), round, func() (workload.Figures, error) {
			outcome, err := library.Load(group, workers, size, b.duration)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.Name, err)
			}
			return figuresOf(outcome.Latencies, outcome.Took, outcome.CPU), nil
		})
	}
	if err := group.Close(); err != nil {
		b.note("round %d, closing %s: %v", round+1, l.Name, err)
	}
}

func (b *bench) floor(size int) (workload.Figures, error) {
	folder, err := os.MkdirTemp(b.folder, "floor-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the scratch folder goes as a whole
	took, err := library.Floor(folder, size, b.duration)
	if err != nil {
		return nil, err
	}
	var total time.Duration
	for _, t := range took {
		total += t
	}
	figures := figuresOf(took, total, 0)
	delete(figures, processorTime)
	return figures, nil
}

func figuresOf(latencies []time.Duration, took, cpu time.Duration) workload.Figures {
	done := float64(len(latencies))
	return workload.Figures{
		commitsPerSecond: done / took.Seconds(), processorTime: float64(cpu.Microseconds()) / done,
		workload.P50: report.Quantile(latencies, 0.50).Seconds() * 1000, workload.P99: report.Quantile(latencies, 0.99).Seconds() * 1000,
	}
}
