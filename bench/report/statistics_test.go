package report

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheMedianOfRounds(t *testing.T) {
	require.Equal(t, Spread{Median: 3, Least: 1, Most: 9}, spread([]float64{9, 1, 3}))
	require.Equal(t, Spread{Median: 2, Least: 1, Most: 3}, spread([]float64{3, 1}))
	require.Equal(t, Spread{Median: 5, Least: 5, Most: 5}, spread([]float64{5}))
	require.True(t, math.IsNaN(spread(nil).Median))
}

func TestAQuantileIsOneOfTheDurations(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i) // 100 down to 1
	}
	for q, wanted := range map[float64]time.Duration{0: 1, 0.01: 1, 0.5: 50, 0.99: 99, 0.995: 100, 1: 100} {
		require.Equal(t, wanted, Quantile(hundred, q), "%v", q)
	}
	require.Equal(t, time.Duration(7), Quantile([]time.Duration{7}, 0.99))
	require.Zero(t, Quantile(nil, 0.5))
}

func rounds(lower bool) *Workload {
	w := &Workload{Case: "clients", Metrics: []Metric{{Name: "pairs/s", Lower: lower}}}
	for round, values := range [][2]float64{{100, 50}, {300, 100}, {80, 80}} {
		w.Add("lockd", "1", round, map[string]float64{"pairs/s": values[0]})
		w.Add("etcd", "1", round, map[string]float64{"pairs/s": values[1]})
	}
	return w
}

// A round that was slow for both says as much about them as one that was not.
func TestRatiosAreTakenRoundByRound(t *testing.T) {
	require.Equal(t, 2.0, rounds(false).Ratio("lockd", "etcd", "1"), "of 2, 3 and 1; the medians' would be 1.25")
	require.Equal(t, 0.5, rounds(true).Ratio("lockd", "etcd", "1"), "when less is better")
}

func TestARoundThatOneOfThemMissedHasNoRatio(t *testing.T) {
	w := rounds(false)
	w.Add("lockd", "1", 3, map[string]float64{"pairs/s": 1000})
	require.Equal(t, 2.0, w.Ratio("lockd", "etcd", "1"))
	require.True(t, math.IsNaN(w.Ratio("lockd", "Redis", "1")))
}

func TestCasesAreInTheOrderOfTheirNumbers(t *testing.T) {
	w := &Workload{Metrics: []Metric{{Name: "v"}}}
	for _, c := range []string{"64", "1", "1024", "256"} {
		w.Add("lockd", c, 0, map[string]float64{"v": 1})
	}
	require.Equal(t, []string{"1", "64", "256", "1024"}, w.cases())
	w.Add("lockd", "defaults", 0, map[string]float64{"v": 1})
	require.Contains(t, w.cases(), "defaults")
}
