package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
)

// In a world where nodes come and go everything happens that can become of a membership, and everybody is served in the end.
func TestMembersComeAndGo(t *testing.T) {
	var hits [probes]uint64
	for seed := range uint64(25) {
		config := small(seed)
		config.Profile, config.Members, config.Duration = MembersChange, 6, 15*time.Second
		report := Run(config)
		require.Equal(t, Pass, report.Verdict, "seed %d: %s: %s", seed, report.Oracle, report.Message)
		for p, probe := range report.Probes {
			hits[p] += probe.Hits
		}
	}
	for _, p := range [...]probe{learnerPromoted, leaderRemoved, nodeReplaced, snapshotInstalled} {
		require.NotZero(t, hits[p], probeNames[p])
	}
}

// The roll knows by which memberships an entry may be committed: by the one that it stands behind, or by the next one if that stands in the log
// already; a membership by itself alone.
func TestWhichMembershipRules(t *testing.T) {
	w, leader := realm(t)
	j, founders := w.judge, w.judge.roll.last().membership
	e := leader.server.Node().Entries(2)[0]
	require.Equal(t, []raft.Membership{founders}, j.ruling(leader, &e))
	other := raft.Membership{Members: founders.Members[:3], Former: founders.Members}
	change := raft.Entry{Index: 2, Kind: raft.KindMembers, Data: raft.AppendMembership(nil, other)}
	require.Equal(t, []raft.Membership{other}, j.ruling(leader, &change))

	require.False(t, j.concerned(&member{world: w, place: 5, id: 6}))
	other.Learners = []raft.Member{{ID: 6, Incarnation: incarnation(5)}}
	change.Index, change.Data = 99, raft.AppendMembership(nil, other)
	j.roll.propose(&change)
	require.True(t, j.concerned(&member{world: w, place: 5, id: 6}), "it may still come true")
	require.False(t, j.member(&member{world: w, place: 5, id: 6}))
}
