package sim

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkWorld runs each profile as chaos does, seed after seed, with all its judges.
func BenchmarkWorld(b *testing.B) {
	for _, profile := range Profiles() {
		if profile.Name == BeyondLeases {
			continue // its worlds are meant to fail
		}
		b.Run(profile.Name, func(b *testing.B) {
			b.ReportAllocs()
			var simulated time.Duration
			var events, grants uint64
			seed, began := uint64(0), processorTime(b)
			for b.Loop() {
				seed++
				report := Run(Config{Seed: seed, Profile: profile.Name, Members: profile.Members, Clients: profile.Clients, Duration: profile.Duration})
				if report.Verdict != Pass {
					b.Fatalf("seed %d: %s: %s", seed, report.Oracle, report.Message)
				}
				simulated, events, grants = simulated+report.Simulated, events+report.Events, grants+report.Grants
			}
			b.ReportMetric(simulated.Seconds()/(processorTime(b)-began).Seconds(), "simulated-s/cpu-s")
			b.ReportMetric(float64(events)/simulated.Seconds(), "events/simulated-s")
			b.ReportMetric(float64(grants)/simulated.Seconds(), "grants/simulated-s")
		})
	}
}

// processorTime is what the process has used up, its collection of garbage and all.
func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
