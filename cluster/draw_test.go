package cluster

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/schedule"
)

func TestASeedDrawsOneSchedule(t *testing.T) {
	first, again := Draw(7, 5, 50, 2*time.Minute), Draw(7, 5, 50, 2*time.Minute)
	require.Equal(t, first, again)
	require.NotEqual(t, first.Faults, Draw(8, 5, 50, 2*time.Minute).Faults)
}

// A schedule that is drawn goes through its file unchanged, keeps a majority up, and, when it lasts for more than a minute, has every kind.
func TestWhatIsDrawnMakesSense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		members := rapid.SampledFrom([]int{3, 5}).Draw(t, "members")
		clients := rapid.IntRange(1, 60).Draw(t, "clients")
		s := Draw(seed, members, clients, 100*time.Second)
		var file bytes.Buffer
		require.NoError(t, s.Write(&file))
		read, err := schedule.Read(&file)
		require.NoError(t, err)
		require.Equal(t, s, read)
		kinds := map[schedule.Fault]bool{}
		for i, strike := range s.Faults {
			kinds[strike.Fault] = true
			require.LessOrEqual(t, downAt(s.Faults[:i+1], strike.At), minority(members), "fault %d", i+1)
			require.True(t, i == 0 || s.Faults[i-1].At <= strike.At)
		}
		for _, f := range possible() {
			require.True(t, kinds[f], "%v", f)
		}
	})
}

// downAt counts the strikes that hold a member down at an instant.
func downAt(faults []schedule.Strike, at schedule.Duration) int {
	down := 0
	for _, s := range faults {
		if attacks[s.Fault].downs && s.At <= at && at < s.At+s.Lasts {
			down++
		}
	}
	return down
}

func TestPartitionsAreWhatTheyAreCalled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Draw(rapid.Uint64().Draw(t, "seed"), rapid.SampledFrom([]int{3, 5}).Draw(t, "members"), 20, 100*time.Second)
		for _, strike := range s.Faults {
			hears := hearing(strike.Cut, s.Nodes)
			switch strike.Fault {
			case schedule.Split:
				require.NotEmpty(t, strike.Cut)
			case schedule.Ring:
				seen := map[uint]bool{}
				for _, heard := range hears {
					require.False(t, seen[heard], "no two hear the same majority")
					seen[heard] = true
					require.Equal(t, s.Nodes/2+1, ones(heard), "a bare majority")
				}
			case schedule.Bridge:
				bridges := 0
				for _, heard := range hears {
					if ones(heard) == s.Nodes {
						bridges++
					}
				}
				require.Equal(t, 1, bridges)
			}
		}
	})
}

// hearing tells whom each member hears, a bit for each, itself among them.
func hearing(cut []string, members int) []uint {
	hears := make([]uint, members)
	for i := range hears {
		hears[i] = 1<<members - 1
	}
	for _, text := range cut {
		d, err := parseDirection(text, func(client int) int { return client })
		if err != nil {
			panic(err)
		}
		if !d.from.crew && !d.to.crew {
			hears[d.to.number-1] &^= 1 << (d.from.number - 1)
		}
	}
	return hears
}

func ones(bits uint) int {
	count := 0
	for ; bits != 0; bits &= bits - 1 {
		count++
	}
	return count
}

// However faults come, also from a file that knows nothing of a minority, a majority stays up.
func TestAMajorityIsLeftAlone(t *testing.T) {
	n := &nemesis{members: []*Node{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}, {ID: 5}}, down: map[*Node]bool{}}
	first, second := n.free(2), n.free(2)
	require.Equal(t, 2, first.ID)
	require.Equal(t, 3, second.ID, "who is down already is not taken twice")
	require.Nil(t, n.free(5))
	n.release(first)
	require.Equal(t, 5, n.free(5).ID)
}

func TestWhatRealProcessesCanNotSufferIsNamed(t *testing.T) {
	require.Equal(t, "drift (2), wipe (1)", beyond([]schedule.Strike{
		{Fault: schedule.Wipe}, {Fault: schedule.Drift}, {Fault: schedule.Kill}, {Fault: schedule.Drift},
	}))
}
