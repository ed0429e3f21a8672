package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/schedule"
)

// In a world that is upgraded while it works everything happens that can become of a version, and everybody is served in the end.
func TestAClusterIsUpgradedWhileItWorks(t *testing.T) {
	var hits [probes]uint64
	for seed := range uint64(40) {
		config := small(seed)
		config.Profile, config.Duration = Versions, 15*time.Second
		report := Run(config)
		require.Equal(t, Pass, report.Verdict, "seed %d: %s: %s", seed, report.Oracle, report.Message)
		require.NotZero(t, report.Faults[schedule.Upgrade].Injected, "seed %d", seed)
		for p, probe := range report.Probes {
			hits[p] += probe.Hits
		}
	}
	for _, p := range [...]probe{clusterMixed, versionRaised, oldRefused} {
		require.NotZero(t, hits[p], probeNames[p])
	}
}

// fleet is a calm cluster of three that has come to the newest version, and its leader.
func fleet(t *testing.T) (*world, *member) {
	w := newWorld(Config{Seed: 1, Profile: Calm, Members: 3, Clients: 1, Duration: second})
	w.begin()
	w.runUntil(10*second, func() bool { return w.judge.book.version == lockfsm.Newest })
	require.Equal(t, lockfsm.Newest, w.judge.book.version)
	return w, w.leader()
}

// An Upgrade takes a program of every member, learners among them, that supports it: one that runs, or ran no longer ago than an answer may be old.
func TestWhoMustSupportAVersion(t *testing.T) {
	w, leader := fleet(t)
	other := w.members[leader.place%2+1]
	if other == leader {
		other = w.members[0]
	}
	agreed := func() Oracle { return fires(func() { w.judge.agreedUpon(leader, lockfsm.Newest) }) }
	require.Empty(t, agreed())
	other.kill(second)
	require.Empty(t, agreed(), "it may have answered just before")
	other.supports = lockfsm.Oldest
	leader.since = w.now + w.knobs.election + second
	require.Equal(t, InForce, agreed())
	other.supports = lockfsm.Newest
	require.Equal(t, InForce, agreed(), "it is down, and nobody can say what comes back")
}

// Nobody's log has what its own program can't read, be it an entry or a snapshot.
func TestWhatAProgramMayHold(t *testing.T) {
	w, leader := fleet(t)
	entries := []raft.Entry{*entry(2, 0, lockfsm.Upgrade{To: lockfsm.Newest})}
	snapshot := &raft.Snapshot{Index: 9, Data: leader.server.Machine().Snapshot().Encode()}
	holds := func(s *raft.Snapshot, e []raft.Entry) Oracle { return fires(func() { w.judge.legible(leader, s, e) }) }
	require.Empty(t, holds(snapshot, entries))
	leader.supports = lockfsm.Oldest
	require.Equal(t, InForce, holds(nil, entries))
	require.Equal(t, InForce, holds(snapshot, nil))
	require.Empty(t, holds(nil, []raft.Entry{*entry(2, 0, lockfsm.Clock{})}))
}

// Where everybody works the version must have risen, and where somebody does not it need not.
func TestAVersionThatDoesNotRiseIsNoticed(t *testing.T) {
	w, _ := fleet(t)
	for _, m := range w.members {
		m.core = true
	}
	require.True(t, w.risen())
	w.judge.book.version = lockfsm.Oldest
	require.False(t, w.risen())
	w.config.Duration = -2 * patience // it had its time
	require.Equal(t, Liveness, fires(w.rise))
	w.members[2].kill(second)
	require.True(t, w.risen())
	require.Empty(t, fires(w.rise))
}
