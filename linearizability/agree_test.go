package linearizability

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const plenty = 1_000_000

// What a right service writes down passes, both judges, however its calls overlap and its answers get lost.
func TestRightHistoriesPass(t *testing.T) {
	for seed := range uint64(3000) {
		h := randomHistory(seeded(seed), 4, 2, 40)
		verdict := Judge(&h, plenty)
		require.Equal(t, Pass, verdict.Result, "seed %d: %+v", seed, verdict.Violation)
	}
}

// The judges see what trying everything finds, on small histories of which some answers were made up.
func TestBruteForceTwin(t *testing.T) {
	fails := 0
	const seeds = 20000
	for seed := range uint64(seeds) {
		pick := seeded(seed)
		h := randomHistory(pick, 3, 1, 6+pick(5))
		for range pick(4) {
			tamper(&h, pick)
		}
		expected := Pass
		if !bruteForce(&h) {
			expected = Fail
			fails++
		}
		swept := Sweep(&h)
		require.Equal(t, expected, swept.Result, "the sweep, seed %d: %+v\n%s", seed, swept.Violation, h.print())
		require.Equal(t, expected, Porcupine(&h, plenty).Result, "porcupine, seed %d\n%s", seed, h.print())
		h.shuffle(pick)
		require.Equal(t, expected, Judge(&h, plenty).Result, "both, in another order, seed %d\n%s", seed, h.print())
	}
	require.Greater(t, fails, seeds/10)
	require.Less(t, fails, seeds*9/10)
}

func (h *History) print() (text string) {
	for i := range h.Operations {
		text += h.describe(i) + "\n"
	}
	return text
}

// shuffle puts the operations into another order, which says nothing.
func (h *History) shuffle(pick func(int) int) {
	for i := range h.Operations {
		j := i + pick(len(h.Operations)-i)
		h.Operations[i], h.Operations[j] = h.Operations[j], h.Operations[i]
	}
}

// tamper makes an answer up. What it says then may be right or wrong.
func tamper(h *History, pick func(int) int) {
	o := &h.Operations[pick(len(h.Operations))]
	switch pick(5) {
	case 0:
		if o.Kind == Release || o.Kind == Check || o.Kind == Acquire && o.Outcome == Done {
			o.Token = uint64(pick(5))
		}
	case 1:
		if o.Kind >= Acquire && o.Return != Never {
			o.Tells, o.Current = true, uint64(pick(5))
		}
	case 2:
		if o.Kind >= Renew && o.Return != Never {
			o.Outcome = Outcome(pick(3))
		}
	case 3:
		if o.Return != Never {
			other := &h.Operations[pick(len(h.Operations))]
			if other.Return != Never && o.Call < other.Return && other.Call < o.Return {
				o.Return, other.Return, o.Returned, other.Returned = other.Return, o.Return, other.Returned, o.Returned
			}
		}
	case 4:
		o.Session = uint64(pick(4))
	}
}
