package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/schedule"
)

func lending(seed uint64, profile string) Config {
	return Config{Seed: seed, Profile: profile, Members: 3, Clients: 8, Duration: time.Minute}
}

// Clocks that are off by as much as is allowed, leaders that hear nobody, voters that forget: no read by lease is stale, and there are many.
func TestLeasesHoldWithinTheBound(t *testing.T) {
	var hits [probes]uint64
	for seed := range uint64(30) {
		report := Run(lending(seed, Leases))
		require.Equal(t, Pass, report.Verdict, "seed %d: %s: %s", seed, report.Oracle, report.Message)
		for p := range probes {
			hits[p] += report.Probes[p].Hits
		}
	}
	require.Greater(t, hits[readByLease], uint64(200))
	require.Greater(t, hits[readAtFollower], uint64(200))
}

// With clocks that are off by more, reads by lease are stale, and who judges what clients were told sees it.
func TestLeasesBreakBeyondTheBound(t *testing.T) {
	config := lending(0, BeyondLeases)
	config.Judge = Sweep
	for ; config.Seed < 300; config.Seed++ {
		if report := Run(config); report.Verdict == Unsafe {
			require.Equal(t, Sweep, report.Oracle)
			t.Logf("seed %d: %s", config.Seed, report.Message)
			return
		}
	}
	t.Fatal("no stale read was seen")
}

// Nobody may be elected while another leader would answer by its lease.
func TestLeasesAndElectionsExcludeEachOther(t *testing.T) {
	w, leader := realm(t)
	other := w.members[(leader.place+1)%len(w.members)]
	term := leader.server.Node().Term()
	judged := func() Oracle { return fires(func() { w.judge.unleased(other, term+1) }) }
	require.Empty(t, judged(), "nobody has asked for a lease")
	require.NoError(t, leader.server.Node().Read(leader.now(), 1<<63, raft.ByLease))
	leader.drain()
	w.runUntil(w.now+second, func() bool { return leader.server.Node().Leased(leader.now()) })
	require.Equal(t, Leasing, judged())
	require.Empty(t, fires(func() { w.judge.unleased(other, term-1) }), "an election of the past that ends late")
	w.now += w.knobs.election
	require.Empty(t, judged(), "it is over")
}

// A run whose servers have clocks that jump has no reads by lease: nothing was promised for such clocks.
func TestNoLeasesWhereClocksJump(t *testing.T) {
	drawn := 0
	for seed := range uint64(300) {
		k := drawKnobs(Config{Seed: seed, Profile: Swarm})
		if k.leases > 0 {
			drawn++
			require.False(t, k.enabled[schedule.ClockJump] || k.enabled[schedule.ClockStrobe] || k.enabled[schedule.ClockFreeze])
		}
	}
	require.Greater(t, drawn, 30)
}
