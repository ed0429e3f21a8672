package report

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Spread is how the rounds of a figure came out.
type Spread struct{ Median, Least, Most float64 }

// spread of no values is all NaN.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Spread{median(sorted), sorted[0], sorted[len(sorted)-1]}
}

func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Quantile is the least of the durations that a share q of them, of 0 to 1, does not exceed. It sorts them. Of none it is zero.
func Quantile(durations []time.Duration, q float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	slices.Sort(durations)
	rank := int(math.Ceil(q*float64(len(durations)))) - 1
	return durations[min(max(rank, 0), len(durations)-1)]
}

// values are a subject's figures, one for each round in which it has that figure, by round.
func (w *Workload) values(subject, c, metric string) map[int]float64 {
	found := map[int]float64{}
	for _, p := range w.Points {
		if v, has := p.Values[metric]; has && p.Subject == subject && p.Case == c {
			found[p.Round] = v
		}
	}
	return found
}

// Spread tells how the rounds came out for a subject.
func (w *Workload) Spread(subject, c, metric string) Spread {
	var all []float64
	for _, v := range w.values(subject, c, metric) {
		all = append(all, v)
	}
	return spread(all)
}

// Ratio is how many times better the first subject is than the second one, by the first metric: the median over the rounds in which both
// were measured. What slowed a round down slowed both, so that this is steadier than the ratio of the medians. NaN: there is no such round.
func (w *Workload) Ratio(ours, theirs, c string) float64 {
	metric := w.Metrics[0]
	their := w.values(theirs, c, metric.Name)
	var ratios []float64
	for round, v := range w.values(ours, c, metric.Name) {
		other, has := their[round]
		switch {
		case !has || v == 0 || other == 0:
		case metric.Lower:
			ratios = append(ratios, other/v)
		default:
			ratios = append(ratios, v/other)
		}
	}
	return spread(ratios).Median
}

// subjects are those that have points, in the order in which they came.
func (w *Workload) subjects() []string {
	return distinct(w.Points, func(p Point) string { return p.Subject })
}

// cases are those that have points: numbers by size, others in the order in which they came.
func (w *Workload) cases() []string {
	found := distinct(w.Points, func(p Point) string { return p.Case })
	slices.SortStableFunc(found, func(a, b string) int {
		x, okX := number(a)
		y, okY := number(b)
		if !okX || !okY {
			return 0
		}
		return cmp.Compare(x, y)
	})
	return found
}

func distinct(points []Point, of func(Point) string) (found []string) {
	for _, p := range points {
		if name := of(p); !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	return found
}
