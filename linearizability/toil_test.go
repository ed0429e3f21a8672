package linearizability

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The sweep over the ends of spans counts what looking at every pair counts.
func TestToilCountsPairs(t *testing.T) {
	for seed := range uint64(500) {
		h := randomHistory(seeded(seed), 5, 2, 60)
		for _, s := range unravel(&h) {
			pairs := 0
			for i, a := range s.acts {
				for _, b := range s.acts[:i] {
					if a.after < b.before && b.after < a.before {
						pairs++
					}
				}
			}
			require.Equal(t, pairs, s.toil(), "seed %d", seed)
		}
	}
}

// What eight clients do in a minute is well within porcupine's reach, although a tenth of their calls stay open for ever.
func TestOrdinaryLocksAreSearched(t *testing.T) {
	for seed := range uint64(8) {
		h := randomHistory(seeded(seed), 8, 12, 3000)
		for _, s := range unravel(&h) {
			require.Less(t, s.toil(), Busiest/4, "seed %d", seed)
		}
		verdict := Judge(&h, plenty)
		require.Equal(t, Pass, verdict.Result, "seed %d", seed)
		require.Zero(t, verdict.Skipped, "seed %d", seed)
	}
}

// A lock that a thousand clients wait for is out of it, though it is not long; one that is nearly as long and as busy as may
// be takes about as many steps as acts of it overlap.
func TestWaitingCrowdIsLeftToTheSweep(t *testing.T) {
	crowd := queue(1000, 5000, 1)
	require.Less(t, len(unravel(crowd)[0].acts), Longest)
	for _, verdict := range []Verdict{Judge(crowd, plenty), Porcupine(crowd, plenty)} {
		require.Equal(t, Pass, verdict.Result, "%+v", verdict.Violation)
		require.Equal(t, 1, verdict.Skipped)
		require.Zero(t, verdict.Steps)
	}
	busy := queue(14, 3700, 1)
	toil := unravel(busy)[0].toil()
	require.Greater(t, toil, Busiest*4/5)
	verdict := Judge(busy, plenty)
	require.Equal(t, Pass, verdict.Result, "%+v", verdict.Violation)
	require.Zero(t, verdict.Skipped)
	require.Less(t, verdict.Steps, 2*toil)
}
