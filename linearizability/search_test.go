package linearizability

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A search that runs out of steps knows nothing, is stopped at the same step every time, and excuses nothing that the sweep has found.
func TestBudget(t *testing.T) {
	right := randomHistory(seeded(1), 4, 2, 200)
	needed := Judge(&right, plenty).Steps
	for _, budget := range []int{0, 1, needed / 2, needed - 1} {
		for _, verdict := range []Verdict{Judge(&right, budget), Porcupine(&right, budget)} {
			require.Equal(t, Undecided, verdict.Result, "%d of %d steps", budget, needed)
			require.Equal(t, budget, verdict.Steps)
		}
	}
	require.Equal(t, Pass, Judge(&right, needed).Result)
	require.Equal(t, Pass, Porcupine(&right, needed).Result)

	broken := tell([]Operation{acquired(1), acquired(2)})
	require.Equal(t, Fail, Judge(&broken, 0).Result)
	require.Equal(t, Undecided, Porcupine(&broken, 0).Result)
}

// Porcupine names the answer after which no order is left, not those that came before or after it.
func TestSearchNamesTheAnswerThatLeftNoOrder(t *testing.T) {
	h := tell([]Operation{
		checked(9, Refused), acquired(1), checked(1, Done), checked(1, Refused), checked(1, Done), released(1, Done), acquired(2),
	})
	v := Porcupine(&h, plenty).Violation
	require.Equal(t, Linearizability, v.Oracle)
	require.Equal(t, [2]int{3, 3}, v.Operations, v.Message)

	h = tell([]Operation{acquired(1), busy(7), checked(1, Done)})
	v = Porcupine(&h, plenty).Violation
	require.Equal(t, Linearizability, v.Oracle)
	require.Equal(t, [2]int{1, 1}, v.Operations, v.Message)

	h = tell([]Operation{acquired(1), checked(9, Refused), acquired(2), released(1, Done)})
	v = Porcupine(&h, plenty).Violation
	require.Equal(t, [2]int{2, 2}, v.Operations, v.Message)
}

// Only grants that somebody heard of count.
func TestGrants(t *testing.T) {
	h := tell([]Operation{acquired(1), busy(1), acquired(0).unanswered(), released(1, Done)})
	require.Equal(t, 1, h.Grants())
}

// If the sweep were wrong, either way, porcupine would say so.
func TestJudgesWatchEachOther(t *testing.T) {
	right, broken := tell([]Operation{acquired(1)}), tell([]Operation{acquired(1), acquired(2)})
	s := unravel(&right)[0]
	v := s.compare(&right, violation(TokenSweep, 0, 0, "made up"), plenty, &Verdict{Result: Pass})
	require.Equal(t, JudgesDisagree, v.Oracle)
	s = unravel(&broken)[0]
	v = s.compare(&broken, nil, plenty, &Verdict{Result: Pass})
	require.Equal(t, JudgesDisagree, v.Oracle)
}

// Dozens of looks at token 2 are open while somebody still sees token 1 held: whoever lets that end a look too early must not first try
// every part of them before he takes it back.
func TestSearchDoesNotTryEveryPartOfTheLooksThatAreOpen(t *testing.T) {
	h := tell([]Operation{acquired(1), released(1, Done), acquired(2)})
	h.Operations[1].Return, h.Operations[2].Return = 500, 501
	for i := range uint64(40) {
		look := checked(2, Done)
		look.Call, look.Return = 10+i, 600+i
		h.Operations = append(h.Operations, look)
	}
	late := checked(1, Done)
	late.Call, late.Return = 100, 200
	h.Operations = append(h.Operations, late)
	v := Judge(&h, 1000)
	require.Equal(t, Pass, v.Result, "after %d steps: %+v", v.Steps, v.Violation)
}
