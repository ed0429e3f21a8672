package report

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// elements counts what an image is made of, and fails for one that is not XML.
func elements(t *testing.T, image string) map[string]int {
	found := map[string]int{}
	decoder := xml.NewDecoder(strings.NewReader(image))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return found
		}
		require.NoError(t, err)
		if start, is := token.(xml.StartElement); is {
			found[start.Name.Local]++
		}
	}
}

func TestAPlotHasALineForEachSubjectInEachPanel(t *testing.T) {
	r := read(t, "locks.json")[0]
	found := elements(t, r.Plot())
	require.Equal(t, 4, found["polyline"], "two subjects, throughput and latency")
	require.Equal(t, 2+4*2, found["circle"], "two in the legend, and two cases on each line")
	require.NotContains(t, r.Plot(), "NaN")
	require.NotContains(t, r.Plot(), "failover", "it is not to be plotted")
}

func TestAPlotOfNothingIsStillAnImage(t *testing.T) {
	r := read(t, "growth.json")[0]
	found := elements(t, r.Plot())
	require.Equal(t, 2, found["polyline"], "of the workload that was measured; what was always zero has no logarithm")
	require.NotContains(t, r.Plot(), "NaN")
	require.NotContains(t, r.Plot(), "Inf")
	require.Equal(t, 1, elements(t, (&Report{}).Plot())["svg"])
}

func TestNamesAreNotTakenForMarkup(t *testing.T) {
	w := Workload{Name: "<own>", Case: "a & b", Plotted: true, Metrics: []Metric{{Name: "x<y"}}}
	w.Add("<lockd>", "1", 0, map[string]float64{"x<y": 3})
	image := (&Report{Workloads: []Workload{w}}).Plot()
	require.Equal(t, 1, elements(t, image)["polyline"])
	require.Contains(t, image, "&lt;lockd&gt;")
}

func TestCasesStandByTheirLogarithms(t *testing.T) {
	w := &Workload{Metrics: []Metric{{Name: "v"}}}
	for _, c := range []string{"1", "10", "100"} {
		w.Add("lockd", c, 0, map[string]float64{"v": 5})
	}
	p := newPanel(w, "v", 0, 0)
	require.InDelta(t, p.x(2)-p.x(1), p.x(1)-p.x(0), 1e-9)
	require.Equal(t, []float64{1, 10}, []float64{p.least, p.most}, "to whole powers of ten")
	require.False(t, math.IsNaN(p.y(5)))
}

func TestTicksAreWholePowersOfTen(t *testing.T) {
	for v, wanted := range map[float64]string{0.001: "0.001", 0.1: "0.1", 1: "1", 10: "10", 100: "100", 1000: "1,000", 1e6: "1,000,000"} {
		require.Equal(t, wanted, tick(v))
	}
}
