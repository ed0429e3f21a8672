package schedule

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// storm is a long schedule of mixed faults.
func storm(count int) Schedule {
	s := Schedule{Seed: 1, Profile: "default", Nodes: 5, Clients: 8, Duration: Duration(time.Minute)}
	for i := range count {
		strike := Strike{Fault: Loss, Place: fmt.Sprintf("s%d>s%d", i%4+1, i%4+2), Number: uint64(i + 1), At: Duration(i) * Duration(time.Minute) / Duration(count)}
		switch i % 5 {
		case 1:
			strike.Fault = Duplicate
		case 2:
			strike = Strike{Fault: Pause, Number: strike.Number, At: strike.At, Server: i%5 + 1, Lasts: Duration(time.Second)}
		case 3:
			strike = Strike{Fault: Split, Number: strike.Number, At: strike.At, Lasts: Duration(time.Second), Cut: []string{"s1>s2", "s2>s1", "s1>c8", "c8>s1"}}
		case 4:
			strike = Strike{Fault: ClientPause, Number: strike.Number, At: strike.At, Client: i%8 + 1, Lasts: Duration(time.Second)}
		}
		s.Faults = append(s.Faults, strike)
	}
	return s
}

// whole is how a run ends in which everything came about, and whose judge looks back.
func whole(s Schedule, fails bool) Ending {
	return Ending{Fails: fails, At: s.Duration, Faults: s.Faults}
}

// shrink shrinks what fails by what it has, without a limit that matters.
func shrink(s Schedule, effort Effort, fails func(Schedule) bool) Shrunk {
	return Shrink(s, whole(s, true), effort, func(s Schedule) Ending { return whole(s, fails(s)) })
}

// shrunk shrinks in so many runs, and counts them.
func shrunk(t *testing.T, s Schedule, runs int, fails func(Schedule) bool) Schedule {
	t.Helper()
	called := 0
	smallest := shrink(s, Effort{Runs: runs}, func(s Schedule) bool {
		called++
		require.NoError(t, s.Check())
		return fails(s)
	})
	require.Equal(t, called, smallest.Runs)
	require.LessOrEqual(t, called, runs)
	require.True(t, fails(smallest.Schedule))
	return smallest.Schedule
}

func numbers(s Schedule) (numbers []uint64) {
	for _, strike := range s.Faults {
		numbers = append(numbers, strike.Number)
	}
	return numbers
}

// has counts how many of the faults with these numbers are there.
func has(s Schedule, wanted ...uint64) (count int) {
	for _, number := range numbers(s) {
		if slices.Contains(wanted, number) {
			count++
		}
	}
	return count
}

func TestThreeOfFiveThousandAreFound(t *testing.T) {
	smallest := shrunk(t, storm(5000), 250, func(s Schedule) bool { return has(s, 17, 2600, 4999) == 3 })
	require.Equal(t, []uint64{17, 2600, 4999}, numbers(smallest))
}

func TestFailureWithoutFaults(t *testing.T) {
	smallest := shrunk(t, storm(5000), 20, func(Schedule) bool { return true })
	require.Equal(t, Schedule{Seed: 1, Profile: "default", Nodes: 1, Clients: 1, Duration: Duration(time.Second), Faults: smallest.Faults}, smallest)
	require.Empty(t, smallest.Faults)
}

// When a failure needs any hundred faults of one kind, the other kinds go in a few runs, and of that kind a hundred stay.
func TestOneKindIsEnough(t *testing.T) {
	pauses := func(s Schedule) (count int) {
		for _, strike := range s.Faults {
			if strike.Fault == Pause {
				count++
			}
		}
		return count
	}
	kindsGone := 0
	smallest := shrink(storm(2000), Effort{Runs: 2000, Tell: func(runs int, smaller Schedule) {
		if len(smaller.Faults) <= 400 && kindsGone == 0 {
			kindsGone = runs
		}
	}}, func(s Schedule) bool { return pauses(s) >= 100 })
	require.Len(t, smallest.Faults, 100)
	require.Equal(t, 100, pauses(smallest.Schedule))
	require.Less(t, kindsGone, 25)
}

// Which two of ten does not matter, but there are two.
func TestAnyTwoOfTen(t *testing.T) {
	smallest := shrunk(t, storm(1000), 200, func(s Schedule) bool { return has(s, 1, 100, 200, 300, 400, 500, 600, 700, 800, 900) >= 2 })
	require.Len(t, smallest.Faults, 2)
}

// A failure that needs two faults of which one hides the other: only both together may go.
func TestFaultsThatGoTogether(t *testing.T) {
	smallest := shrunk(t, storm(64), 200, func(s Schedule) bool { return has(s, 40) == 1 && has(s, 10, 50) != 1 })
	require.Equal(t, []uint64{40}, numbers(smallest))
}

func TestFaultsBecomeShorterAndCutLess(t *testing.T) {
	smallest := shrunk(t, storm(100), 200, func(s Schedule) bool {
		return slices.ContainsFunc(s.Faults, func(strike Strike) bool {
			return strike.Fault == Split && strike.Lasts >= Duration(100*time.Millisecond) && slices.Contains(strike.Cut, "s1>c8")
		})
	})
	require.Len(t, smallest.Faults, 1)
	require.Equal(t, []string{"s1>c8"}, smallest.Faults[0].Cut)
	require.Equal(t, Duration(125*time.Millisecond), smallest.Faults[0].Lasts)
	require.Equal(t, 8, smallest.Clients, "the cut names client 8")
	require.Equal(t, 1, smallest.Nodes)
}

func TestWorldBecomesSmaller(t *testing.T) {
	smallest := shrunk(t, storm(10), 100, func(s Schedule) bool { return s.Nodes >= 3 && s.Clients >= 2 && s.Duration >= Duration(11*time.Second) })
	require.Empty(t, smallest.Faults)
	require.Equal(t, 3, smallest.Nodes)
	require.Equal(t, 2, smallest.Clients)
	require.Equal(t, Duration(11*time.Second), smallest.Duration)
}

// What befalls a client goes with that client. Here no fault alone can be missed, as each client needs one.
func TestFaultsGoWithTheirPlaces(t *testing.T) {
	each := func(s Schedule) bool {
		for client := 1; client <= s.Clients; client++ {
			if !slices.ContainsFunc(s.Faults, func(strike Strike) bool { return strike.Client == client }) {
				return false
			}
		}
		return true
	}
	s := storm(0)
	for client := range s.Clients {
		s.Faults = append(s.Faults, Strike{Fault: ClientPause, Number: uint64(client + 1), Client: client + 1})
	}
	smallest := shrunk(t, s, 200, each)
	require.Equal(t, 1, smallest.Clients)
	require.Equal(t, []uint64{1}, numbers(smallest))
}

// When the runs are used up, what was found so far is the answer, and it fails.
func TestShrinkingIsBounded(t *testing.T) {
	for runs := range 30 {
		shrunk(t, storm(100), runs, func(s Schedule) bool { return has(s, 3, 50, 98) == 3 })
	}
}

func TestShrinkingLeavesItsArgumentAlone(t *testing.T) {
	s := storm(50)
	shrunk(t, s, 200, func(s Schedule) bool { return has(s, 4) == 1 })
	require.Equal(t, storm(50), s)
}

// A limit that ended the search is told, and one that did not is not.
func TestLimitIsTold(t *testing.T) {
	fails := func(s Schedule) bool { return has(s, 3, 250, 480) == 3 }
	require.False(t, shrink(storm(500), Effort{Runs: 30}, fails).Minimal)
	asked := 0
	late := shrink(storm(500), Effort{Runs: 10_000, Enough: func() bool { asked++; return asked > 30 }}, fails)
	require.False(t, late.Minimal)
	require.Equal(t, 30, late.Runs)
	require.True(t, shrink(storm(500), Effort{Runs: 10_000, Enough: func() bool { return false }}, fails).Minimal)
}

// atOnce is how a run ends whose judge fires in the middle: with the last of these faults.
func atOnce(s Schedule, needed ...uint64) Ending {
	for i, strike := range s.Faults {
		if slices.Contains(needed, strike.Number) && has(Schedule{Faults: s.Faults[:i+1]}, needed...) == len(needed) {
			return Ending{Fails: true, At: strike.At, Faults: s.Faults[:i+1]}
		}
	}
	return whole(s, false)
}

// What had not come about when the run failed is never tried, nor is a world that goes on after it.
func TestWhatComesAfterTheFailureGoesAtOnce(t *testing.T) {
	s := storm(600) // ten a second
	tried := 0
	smallest := Shrink(s, atOnce(s, 15, 25), Effort{Runs: 1000}, func(s Schedule) Ending {
		tried++
		require.Less(t, len(s.Faults), 25)
		require.LessOrEqual(t, s.Duration, Duration(3*time.Second))
		return atOnce(s, 15, 25)
	})
	require.Equal(t, []uint64{15, 25}, numbers(smallest.Schedule))
	require.Equal(t, Duration(3*time.Second), smallest.Duration)
	require.Less(t, tried, 60)
}

// chance makes a coincidence: of schedules that are large enough, one in so many fails, and nothing tells which.
func chance(in uint64, atLeast int) func(Schedule) bool {
	return func(s Schedule) bool {
		name := s.digest()
		return len(s.Faults) >= atLeast && binary.BigEndian.Uint64(name[:])%in == 0
	}
}

// Each run that fails takes a good part of the faults away. To go through them in order would take one away, or two, each time.
func TestCoincidenceShrinks(t *testing.T) {
	var left []int
	for seed := range uint64(9) {
		s := storm(1000)
		s.Seed = seed
		left = append(left, len(shrink(s, Effort{Runs: 400}, chance(20, 5)).Faults))
	}
	slices.Sort(left)
	require.LessOrEqual(t, left[4], 20, "%v", left)
}

// Whatever the failure depends on: what is left fails, and when there was effort enough, it fails no more with any one fault less.
func TestWhatIsLeftFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := storm(rapid.IntRange(1, 100).Draw(t, "count"))
		s.Seed = rapid.Uint64().Draw(t, "seed")
		luck := chance(rapid.Uint64Range(1, 10).Draw(t, "in"), rapid.IntRange(0, 10).Draw(t, "at least"))
		fails := func(smaller Schedule) bool { return luck(smaller) || len(smaller.Faults) == len(s.Faults) }
		smallest := shrink(s, Effort{Runs: rapid.IntRange(0, 2000).Draw(t, "runs")}, fails)
		require.True(t, fails(smallest.Schedule))
		for i := range smallest.Faults {
			without := smallest.Schedule
			without.Faults = slices.Delete(slices.Clone(smallest.Faults), i, i+1)
			require.False(t, smallest.Minimal && fails(without), "fault %d can be missed", i)
		}
	})
}

// Whichever few faults a failure needs, they are what is left.
func TestExactlyWhatIsNeededStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 300).Draw(t, "count")
		needed := rapid.SliceOfNDistinct(rapid.Uint64Range(1, uint64(count)), 1, min(count, 5), rapid.ID).Draw(t, "needed")
		smallest := shrink(storm(count), Effort{Runs: 10_000}, func(s Schedule) bool { return has(s, needed...) == len(needed) })
		slices.Sort(needed)
		require.Equal(t, needed, numbers(smallest.Schedule))
		require.True(t, smallest.Minimal)
	})
}
