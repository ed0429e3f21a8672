package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/schedule"
)

func recoveredWorld(seed uint64) Config {
	config := small(seed)
	config.Profile = Recovered
	return config
}

// A majority is lost, the cluster that succeeds it has faults of its own, and the holders of the old one come back: whatever the seed
// brings, to the resource's eyes tokens still only rise.
func TestLostMajoritiesAreSucceeded(t *testing.T) {
	for seed := range uint64(60) {
		report := Run(recoveredWorld(seed))
		require.Equal(t, Pass, report.Verdict, "seed %d: %s: %s", seed, report.Oracle, report.Message)
	}
}

// Each of them writes after the first new holder was there, and is refused.
func TestEveryOldHolderThatComesBackIsRefused(t *testing.T) {
	config := recoveredWorld(12)
	w := newWorld(config)
	w.knobs.enabled = [schedule.Faults]bool{}
	w.succeed(predecessor(config))
	w.begin()
	w.runUntil(60*second, func() bool { return false })
	returned := uint64(0)
	for lock, r := range w.resource.registers {
		if lock != unfencedNumber && r.mark > w.resource.former {
			returned++
		}
	}
	require.NotZero(t, returned)
	require.Equal(t, returned, w.probes[demandFenced])
}

// The world before is a function of the seed: what a schedule changes is the world after.
func TestARecoveredWorldIsOneRun(t *testing.T) {
	first, again := Run(recoveredWorld(7)), Run(recoveredWorld(7))
	require.Equal(t, first.Hash, again.Hash)
	require.Equal(t, predecessor(recoveredWorld(7)).epoch, predecessor(recoveredWorld(7)).epoch)
}

// A successor that counts on from what one disk knows would grant the old tokens again.
func TestASuccessorWithoutAnEpochIsConvicted(t *testing.T) {
	left := predecessor(recoveredWorld(3))
	require.Positive(t, left.told)
	left.epoch = lockfsm.Epoch(left.told - 1)
	w := newWorld(recoveredWorld(3))
	require.Equal(t, Tokens, fires(func() { w.succeed(left) }))
}
