package sim

import (
	"fmt"
	"runtime"
	"sync"
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
		config := small(seed)
		if seed%10 == 9 {
			config.Profile = MembersChange
		}
		report := Run(config)
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

// A seed is a run: the same events, in the same order, with the same bytes, on one processor and on several, alone and beside others.
func TestSeedGivesOneRun(t *testing.T) {
	config := func(seed int) Config {
		config := small(1000 + uint64(seed))
		config.Duration = 2 * time.Second
		return config
	}
	var alone, together [50]Report
	processors := runtime.GOMAXPROCS(1)
	for seed := range alone {
		alone[seed] = Run(config(seed))
	}
	runtime.GOMAXPROCS(max(processors, 4))
	defer runtime.GOMAXPROCS(processors)
	var running sync.WaitGroup
	for seed := range together {
		running.Go(func() { together[seed] = Run(config(seed)) })
	}
	running.Wait()
	require.Equal(t, alone, together)
	hashes := map[uint64]int{}
	for seed, report := range alone {
		require.NotContains(t, hashes, report.Hash, "two seeds give one run")
		hashes[report.Hash] = seed
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

// Where clocks or disks break every promise, nobody is told anything wrong. A world whose disks are destroyed says so.
func TestBeyondWhatIsPromised(t *testing.T) {
	refused := 0
	for seed := range uint64(40) {
		for _, profile := range []string{BeyondClocks, BeyondDisks} {
			config := small(seed)
			config.Profile, config.Duration = profile, 20*time.Second
			report := Run(config)
			require.Equal(t, Pass, report.Verdict, "seed %d, %s: %s: %s", seed, profile, report.Oracle, report.Message)
			if profile == BeyondDisks && report.Faults[schedule.Wipe].Observed > 2 {
				refused++
			}
		}
	}
	require.NotZero(t, refused, "a majority was refused")
}
