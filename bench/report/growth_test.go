package report

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// grown is a workload of one metric, which has a value for each size.
func grown(m Metric, sizes []float64, value func(n float64) float64) *Workload {
	m.Name = "cost"
	w := &Workload{Case: "things", Metrics: []Metric{m}}
	for _, n := range sizes {
		w.Add("lockd", strconv.FormatFloat(n, 'f', -1, 64), 0, map[string]float64{"cost": value(n)})
	}
	return w
}

var decades = []float64{1000, 10_000, 100_000, 1_000_000}

func TestTheExponentIsThatOfThePower(t *testing.T) {
	for _, k := range []float64{-1, 0, 0.5, 1, 2} {
		w := grown(Metric{Growth: Linear}, decades, func(n float64) float64 { return 7 * math.Pow(n, k) })
		require.InDelta(t, k, w.Findings()[0].Exponent, 1e-9)
	}
}

func TestWhatIsPromised(t *testing.T) {
	line := func(n float64) float64 { return 50_000 + n }
	square := func(n float64) float64 { return n * n }
	sorting := func(n float64) float64 { return n * math.Log(n) }
	flat := func(float64) float64 { return 40 }
	for name, c := range map[string]struct {
		growth Growth
		value  func(float64) float64
		broken bool
	}{
		"a line is linear":                  {Linear, line, false},
		"and so is a line with a logarithm": {Linear, sorting, false},
		"a square is not":                   {Linear, square, true},
		"what stays is constant":            {Constant, flat, false},
		"a logarithm is let pass":           {Constant, math.Log, false},
		"a line is not constant":            {Constant, func(n float64) float64 { return n }, true},
		"nothing is promised":               {Unbounded, square, false},
	} {
		t.Run(name, func(t *testing.T) {
			ceiling := 1e30
			w := grown(Metric{Growth: c.growth, Ceiling: &ceiling}, decades, c.value)
			require.Equal(t, c.broken, w.Findings()[0].Broken(), "%s", w.Findings()[0])
		})
	}
}

// A square that begins below what is spent in any case is found all the same, because only the end is looked at.
func TestAFixedCostHidesNothing(t *testing.T) {
	w := grown(Metric{Growth: Linear}, decades, func(n float64) float64 { return 1e8 + n*n })
	require.True(t, w.Findings()[0].Broken())
}

func TestOneRoundAboveTheCeilingIsTooMany(t *testing.T) {
	ceiling := 10.0
	w := grown(Metric{Ceiling: &ceiling}, []float64{1, 10}, func(float64) float64 { return 3 })
	require.False(t, w.Findings()[0].Broken())
	require.Equal(t, "cost: 3.00 at most, of 10.0 allowed: holds", w.Findings()[0].String())
	w.Add("lockd", "10", 1, map[string]float64{"cost": 11})
	w.Add("lockd", "10", 2, map[string]float64{"cost": 3})
	require.True(t, w.Findings()[0].Broken())
	require.Equal(t, "cost: 11.0 at most, of 10.0 allowed: BROKEN", w.Findings()[0].String())
}

func TestTooFewCasesAreNotJudged(t *testing.T) {
	w := grown(Metric{Growth: Constant}, []float64{1, 10}, func(n float64) float64 { return n * n })
	require.False(t, w.Findings()[0].Broken())
	require.Equal(t, "cost: promised to be constant; from case to case ×100; fewer than 3 cases tell nothing: not judged", w.Findings()[0].String())
}

func TestAFindingSaysHowTheFigureWent(t *testing.T) {
	w := grown(Metric{Growth: Linear}, []float64{1, 2, 4, 8}, func(n float64) float64 { return n * n })
	require.Equal(t, "cost: promised to be linear; from case to case ×4.00 ×4.00 ×4.00; n^2.00 over the last 3: BROKEN", w.Findings()[0].String())
}

func TestFiguresOfZeroHaveNoLogarithm(t *testing.T) {
	w := grown(Metric{Growth: Linear}, decades, func(n float64) float64 { return n - 1000 })
	f := w.Findings()[0]
	require.Len(t, f.Steps, 2, "from the second case on")
	require.InDelta(t, 1, f.Exponent, 0.1)
	require.Empty(t, (&Workload{Metrics: []Metric{{Growth: Linear}}}).Findings(), "nothing was measured")
}
