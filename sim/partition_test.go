package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/schedule"
)

func drawShape(t *rapid.T, fault schedule.Fault, members int) shape {
	return shape{
		fault: fault, members: members, chosen: rapid.Uint64().Draw(t, "chosen"), order: rapid.Uint64().Draw(t, "order"),
		victim: rapid.IntRange(0, members-1).Draw(t, "victim"), guest: members + rapid.IntRange(0, 7).Draw(t, "guest"),
	}
}

// Under a split two members hear each other if they hear a common third one; and a bridge is who hears both halves.
func TestHalvesAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(2, 9).Draw(t, "members")
		split := drawShape(t, schedule.Split, members)
		bridge := split
		bridge.fault = schedule.Bridge
		for a := range members {
			for b := range members {
				require.Equal(t, split.kills(a, b), split.kills(b, a))
				if a != b {
					require.Equal(t, split.kills(a, b) && a != bridge.victim && b != bridge.victim, bridge.kills(a, b))
				}
				for c := range members {
					if !split.kills(a, c) && !split.kills(c, b) {
						require.False(t, split.kills(a, b))
					}
				}
			}
		}
	})
}

// In a ring each member is heard by just a majority, and of five or more no two by the same one.
func TestRingOfMajorities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SampledFrom([]int{3, 5, 7, 9}).Draw(t, "members")
		ring := drawShape(t, schedule.Ring, members)
		audiences := map[string]bool{}
		for a := range members {
			heard, audience := 0, ""
			for b := range members {
				if a == b || !ring.kills(a, b) {
					heard++
					audience += string(rune('0' + b))
				}
			}
			require.Equal(t, members/2+1, heard)
			audiences[audience] = true
		}
		require.Len(t, audiences, members)
	})
}

// An isolated member hears no other one and is heard by none, while the others hear each other.
func TestIsolationIsOfOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cut := drawShape(t, schedule.Isolation, 5)
		for a := range 5 {
			for b := range 5 {
				if a != b {
					require.Equal(t, a == cut.victim || b == cut.victim, cut.kills(a, b))
				}
			}
		}
	})
}

// One that is cut one way from some members is heard by them and does not hear them, or the other way round.
func TestClientsAreCutOneWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cut := drawShape(t, schedule.ClientOneWay, 5)
		out, in := 0, 0
		for member := range 5 {
			if cut.kills(cut.guest, member) {
				out++
			}
			if cut.kills(member, cut.guest) {
				in++
			}
			require.False(t, cut.kills(member, (member+1)%5), "members hear each other")
		}
		require.True(t, out == 0 || in == 0)
	})
}

// A flapping link comes and goes, and stays when it is over.
func TestFlappingComesAndGoes(t *testing.T) {
	w, leader := realm(t, schedule.Flapping)
	w.nemesis.plans[0] = schedule.Strike{
		Fault: schedule.Flapping, Number: 1, Lasts: schedule.Duration(20 * second), Cut: []string{w.placeText(int32(leader.place), int32((leader.place+1)%5))},
	}
	require.True(t, w.nemesis.strike(0))
	turns, last, began := 0, uint8(1), w.now
	w.runUntil(began+21*second, func() bool {
		if now := w.network.cut[leader.place*w.network.places+(leader.place+1)%5]; now != last {
			turns, last = turns+1, now
		}
		return false
	})
	require.Greater(t, turns, 3)
	require.Zero(t, last)
}
