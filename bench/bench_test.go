package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/bench/report"
	"lockd/bench/service"
	"lockd/bench/workload"
)

func twoRounds() *bench {
	return &bench{options: &options{rounds: 2, duration: time.Second, most: 1000}, report: new(report.Report)}
}

func named(names ...string) (clusters []*service.Cluster) {
	for _, name := range names {
		clusters = append(clusters, &service.Cluster{System: &service.System{Name: name}})
	}
	return clusters
}

func TestInEachRoundEverySystemDoesItsPart(t *testing.T) {
	b, w := twoRounds(), own()
	var order []string
	b.interleave(t.Context(), &w, named("lockd", "etcd"), []int{1, 64},
		func(_ context.Context, c *service.Cluster, clients int, _ time.Duration) (workload.Figures, error) {
			order = append(order, fmt.Sprint(c.System.Name, clients))
			return workload.Figures{workload.PairsPerSecond: float64(clients)}, nil
		})
	round := []string{"lockd1", "etcd1", "lockd64", "etcd64"}
	require.Equal(t, append(round, round...), order)
	require.Equal(t, report.Spread{Median: 64, Least: 64, Most: 64}, w.Spread("etcd", "64", workload.PairsPerSecond))
}

func TestOneFigureThatIsMissingCostsNoOther(t *testing.T) {
	b, w := twoRounds(), own()
	b.interleave(t.Context(), &w, named("lockd", "etcd"), []int{64},
		func(_ context.Context, c *service.Cluster, _ int, _ time.Duration) (workload.Figures, error) {
			if c.System.Name == "etcd" {
				return nil, errors.New("etcd: no answer")
			}
			return workload.Figures{workload.PairsPerSecond: 5}, nil
		})
	require.Len(t, w.Points, 2)
	require.Equal(t, []string{"round 1, own, 64 clients: etcd: no answer", "round 2, own, 64 clients: etcd: no answer"}, b.report.Notes)
}

func TestWhenTheTimeIsOverNothingIsBegun(t *testing.T) {
	b, w := twoRounds(), own()
	ctx, over := context.WithCancel(t.Context())
	over()
	b.measure(ctx, &w, "lockd", "1", 0, func() (workload.Figures, error) {
		t.Error("it was begun")
		return nil, nil
	})
	require.Empty(t, w.Points)
	require.Empty(t, b.report.Notes)
}

func TestAnExperimentThatFailsKeepsWhatItHas(t *testing.T) {
	b := twoRounds()
	e := &experiment{Workload: own(), sizes: []int{10, 10_000}, limit: time.Hour,
		run: func(ctx context.Context, b *bench, e *experiment, _ *service.System) error {
			for _, size := range e.sizes {
				b.repeat(ctx, e, size, func() (workload.Figures, error) { return workload.Figures{workload.PairsPerSecond: 1}, nil })
			}
			return errors.New("no more of them")
		}}
	b.try(t.Context(), e, nil)
	require.Len(t, b.report.Workloads[0].Points, 2, "two rounds of 10; the other case is greater than what was asked for")
	require.Equal(t, []string{"own is not complete: no more of them"}, b.report.Notes)
}

func TestABrokenPromiseIsAnError(t *testing.T) {
	promising := func(values ...float64) []report.Workload {
		w := report.Workload{Name: "locks", Metrics: []report.Metric{{Name: "CPU", Growth: report.Constant}}}
		for i, c := range []string{"1", "10", "100"} {
			w.Add("lockd", c, 0, workload.Figures{"CPU": values[i]})
		}
		return []report.Workload{w}
	}
	require.NoError(t, broken(promising(5, 4, 6)))
	require.ErrorContains(t, broken(promising(1, 10, 100)), "locks: CPU: promised to be constant")
}

func TestExperimentsHaveNamesSizesAndATime(t *testing.T) {
	names := map[string]bool{}
	for _, e := range experiments() {
		require.False(t, names[e.Name], e.Name)
		names[e.Name] = true
		require.GreaterOrEqual(t, len(e.sizes), 3, "%s: with fewer nothing can be said of how it grows", e.Name)
		require.Positive(t, e.limit)
		promised := false
		for _, m := range e.Metrics {
			promised = promised || m.Growth != report.Unbounded
		}
		require.True(t, promised, "%s promises nothing", e.Name)
	}
}
