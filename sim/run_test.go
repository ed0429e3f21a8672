package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
)

func small(seed uint64) Config {
	profile := Default
	if seed%2 == 1 {
		profile = Swarm
	}
	return Config{Seed: seed, Profile: profile, Members: 5, Clients: 8, Duration: 4 * time.Second}
}

// Whatever a seed brings, the product keeps its promises. All seeds together show each fault, and grants in plenty.
func TestWorldsPass(t *testing.T) {
	var grants uint64
	var faults [schedule.Faults]Count
	for seed := range uint64(500) {
		report := Run(small(seed))
		require.Equal(t, Pass, report.Verdict, "seed %d: %s: %s", seed, report.Oracle, report.Message)
		grants += report.Grants
		for f, count := range report.Faults {
			faults[f].Observed += count.Observed
		}
	}
	require.Greater(t, grants, uint64(2000))
	var unseen []schedule.Fault
	for f, count := range faults {
		if count.Observed == 0 {
			unseen = append(unseen, schedule.Fault(f))
		}
	}
	require.Empty(t, unseen, "these were never seen to make a difference")
}

// Three servers and one are clusters as well.
func TestSmallClusters(t *testing.T) {
	for seed := range uint64(10) {
		for _, members := range []int{1, 3} {
			config := small(seed)
			config.Members = members
			report := Run(config)
			require.Equal(t, Pass, report.Verdict, "seed %d, %d servers: %s: %s", seed, members, report.Oracle, report.Message)
		}
	}
}

// A seed is a run: the same events, in the same order, with the same bytes.
func TestSeedGivesOneRun(t *testing.T) {
	hashes := map[uint64]uint64{}
	for seed := range uint64(50) {
		config := small(1000 + seed)
		config.Duration = 2 * time.Second
		first, second := Run(config), Run(config)
		require.Equal(t, first, second)
		require.NotContains(t, hashes, first.Hash, "two seeds give one run")
		hashes[first.Hash] = seed
	}
}

// Telling a run does not change it.
func TestToldRunIsTheSame(t *testing.T) {
	config, told := small(3), ""
	silent := Run(config)
	config.Tell = func(at time.Duration, sentence string) { told += fmt.Sprintln(at, sentence) }
	require.Equal(t, silent, Run(config))
	require.Contains(t, told, "leads term")
	require.Contains(t, told, "holds lock")
}
