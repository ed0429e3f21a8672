package report

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATableSetsSubjectsBesideEachOther(t *testing.T) {
	w := rounds(false)
	w.Add("lockd", "64", 0, map[string]float64{"pairs/s": 12345})
	require.Equal(t, strings.TrimPrefix(`
| clients |       |         pairs/s | lockd is × as good |
|---------|-------|----------------:|-------------------:|
| 1       | lockd |  100 (80.0–300) |                    |
| 1       | etcd  | 80.0 (50.0–100) |               2.00 |
| 64      | lockd |          12,345 |                    |
`, "\n"), w.Table())
}

func TestATableOfOneSubjectSaysNothingOfIt(t *testing.T) {
	w := grown(Metric{}, []float64{1, 2}, func(n float64) float64 { return n / 2 })
	require.Equal(t, strings.TrimPrefix(`
| things | cost |
|--------|-----:|
| 1      | 0.50 |
| 2      | 1.00 |
`, "\n"), w.Table())
}

func TestATableOfNothingSaysSo(t *testing.T) {
	require.Equal(t, "(nothing was measured)\n", (&Workload{}).Table())
}

func TestFiguresHaveAboutThreeDigits(t *testing.T) {
	for v, wanted := range map[float64]string{
		0: "0.00", 0.123: "0.12", 9.87: "9.87", 12.34: "12.3", 123.4: "123", 1234: "1,234", 1234567.8: "1,234,568", -4321: "-4,321", math.NaN(): "-",
	} {
		require.Equal(t, wanted, format(v))
	}
}
