package schedule

import (
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

// shrunk shrinks, and counts the runs.
func shrunk(t *testing.T, s Schedule, runs int, fails func(Schedule) bool) Schedule {
	t.Helper()
	called := 0
	smallest, counted := Shrink(s, Effort{Runs: runs}, func(s Schedule) bool {
		called++
		require.NoError(t, s.Check())
		return fails(s)
	})
	require.Equal(t, called, counted)
	require.LessOrEqual(t, called, runs)
	require.True(t, fails(smallest))
	return smallest
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
	smallest, _ := Shrink(storm(2000), Effort{Runs: 2000, Tell: func(runs int, smaller Schedule) {
		if len(smaller.Faults) <= 400 && kindsGone == 0 {
			kindsGone = runs
		}
	}}, func(s Schedule) bool { return pauses(s) >= 100 })
	require.Len(t, smallest.Faults, 100)
	require.Equal(t, 100, pauses(smallest))
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
	require.Equal(t, Duration(14*time.Second), smallest.Duration)
}

// When the runs are used up, what was found so far is the answer, and it fails.
func TestShrinkingIsBounded(t *testing.T) {
	for runs := range 30 {
		shrunk(t, storm(500), runs, func(s Schedule) bool { return has(s, 3, 250, 480) == 3 })
	}
}

func TestShrinkingLeavesItsArgumentAlone(t *testing.T) {
	s := storm(50)
	shrunk(t, s, 200, func(s Schedule) bool { return has(s, 4) == 1 })
	require.Equal(t, storm(50), s)
}

// Whichever few faults a failure needs, they are what is left.
func TestExactlyWhatIsNeededStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, 300).Draw(t, "count")
		needed := rapid.SliceOfNDistinct(rapid.Uint64Range(1, uint64(count)), 1, min(count, 5), rapid.ID).Draw(t, "needed")
		smallest, _ := Shrink(storm(count), Effort{Runs: 10_000}, func(s Schedule) bool { return has(s, needed...) == len(needed) })
		slices.Sort(needed)
		require.Equal(t, needed, numbers(smallest))
	})
}
