package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/schedule"
)

// asSchedule is a run's config with its faults written down.
func asSchedule(config Config, strikes []schedule.Strike) Config {
	config.Record = false
	config.Schedule = &schedule.Schedule{Seed: config.Seed, Profile: config.Profile, Nodes: config.Members, Clients: config.Clients,
		Duration: schedule.Duration(config.Duration), Faults: strikes}
	return config
}

// A run that follows the schedule which was recorded of another one is that run.
func TestRecordedScheduleGivesTheSameRun(t *testing.T) {
	strikes := 0
	for seed := range uint64(30) {
		config := small(seed)
		config.Profile, config.Record = []string{Default, Swarm, MembersChange, Versions}[seed%4], true
		drawn := Run(config)
		scheduled := asSchedule(config, drawn.Strikes)
		require.NoError(t, scheduled.Schedule.Check(), "seed %d", seed)
		again := Run(scheduled)
		require.Equal(t, drawn.Hash, again.Hash, "seed %d", seed)
		require.Equal(t, drawn.Events, again.Events)
		require.Equal(t, drawn.Faults, again.Faults)
		strikes += len(drawn.Strikes)
	}
	require.Greater(t, strikes, 1000)
}

// Whoever takes one fault away from a schedule leaves all others where they were.
func TestOneFaultLessShiftsNoOther(t *testing.T) {
	attacks := func(strikes []schedule.Strike) (kept []schedule.Strike) {
		for _, s := range strikes {
			if s.Place == "" && s.Fault == schedule.ClientCrash {
				kept = append(kept, s)
			}
		}
		return kept
	}
	compared := 0
	for seed := range uint64(20) {
		config := small(seed)
		config.Profile, config.Record, config.Duration = Swarm, true, 10*time.Second
		crashes := attacks(Run(config).Strikes)
		fewer := asSchedule(config, crashes)
		fewer.Record = true
		require.Equal(t, crashes, attacks(Run(fewer).Strikes), "seed %d", seed)
		compared += len(crashes)
	}
	require.NotZero(t, compared)
}
