package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func planned(t *testing.T, i itinerary) *itinerary {
	t.Helper()
	if i.profiles == "" {
		i.profiles = "default"
	}
	if i.shard == "" {
		i.shard = "1/1"
	}
	require.NoError(t, i.plan())
	return &i
}

// Profiles and numbers of servers are taken in turn, in every combination.
func TestWorldsAreTakenInTurn(t *testing.T) {
	i := planned(t, itinerary{profiles: "default,calm", nodeCounts: "3,5", seeds: 4, from: 8})
	seen := map[string]int{}
	for n := range i.count() {
		world := i.worldOf(i.seed(n))
		require.Equal(t, 8, world.Clients)
		seen[world.Profile+string(rune('0'+world.Members))]++
	}
	require.Equal(t, map[string]int{"default3": 1, "default5": 1, "calm3": 1, "calm5": 1}, seen)
}

// A seed is the same world wherever the campaign begins and however it is shared out, and the shards together do each seed once.
func TestShardsDoEachSeedOnce(t *testing.T) {
	whole := planned(t, itinerary{profiles: "default,swarm,calm", seeds: 10, from: 100})
	visited := map[uint64]int{}
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		part := planned(t, itinerary{profiles: "default,swarm,calm", seeds: 10, from: 100, shard: shard})
		for n := range part.count() {
			seed := part.seed(n)
			visited[seed]++
			require.Equal(t, whole.worldOf(seed), part.worldOf(seed))
		}
	}
	require.Len(t, visited, 10)
	for seed := uint64(100); seed < 110; seed++ {
		require.Equal(t, 1, visited[seed])
	}
	require.Zero(t, planned(t, itinerary{seeds: 2, shard: "3/3"}).count(), "more shards than seeds")
}

func TestProfileDecidesWhatIsNotSaid(t *testing.T) {
	i := planned(t, itinerary{profiles: "thousand", seeds: 1})
	require.Equal(t, 1000, i.worldOf(1).Clients)
	i = planned(t, itinerary{profiles: "thousand", seeds: 1, shape: shape{clients: 7}})
	require.Equal(t, 7, i.worldOf(1).Clients)
}
