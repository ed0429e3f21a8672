package report

import (
	"fmt"
	"math"
	"strings"
)

// Growth is how a figure may grow with the case, say with the number of clients.
type Growth string

// What a system must keep to if n of anything are to cost no more than n times what one costs: what is counted for all of them together may
// grow as they do, what is counted for each not at all.
const (
	Unbounded Growth = "" // nothing is promised
	Constant  Growth = "constant"
	Linear    Growth = "linear"
)

// slack is by how much an exponent may exceed its bound: a logarithm shows as a tenth over the decades that are measured here, noise as
// another one. A square shows as a whole.
const slack = 0.25

// tail is over how many cases, the greatest, the exponent is taken. What is the same for all cases hides at small ones how the rest grows.
const tail = 3

// Finding is what became of a promise about a metric.
type Finding struct {
	Metric   string
	Steps    []float64 // by what the median was multiplied, from each case to the next
	Exponent float64   // k of n^k, over the last cases; NaN: there are too few of them
	Growth   Growth    // what was promised
	Ceiling  *float64
	Most     float64 // of all rounds and cases
}

// Findings tell how the first subject has kept what was promised for it.
func (w *Workload) Findings() (findings []Finding) {
	subjects := w.subjects()
	if len(subjects) == 0 {
		return nil
	}
	for _, m := range w.Metrics {
		if m.Growth != Unbounded || m.Ceiling != nil {
			findings = append(findings, w.finding(subjects[0], m))
		}
	}
	return findings
}

func (w *Workload) finding(subject string, m Metric) Finding {
	f := Finding{Metric: m.Name, Growth: m.Growth, Ceiling: m.Ceiling, Most: math.Inf(-1)}
	var sizes, medians []float64
	for _, c := range w.cases() {
		s := w.Spread(subject, c, m.Name)
		f.Most = max(f.Most, s.Most)
		if size, is := number(c); is && size > 0 && s.Median > 0 {
			sizes, medians = append(sizes, size), append(medians, s.Median)
		}
	}
	for i := 1; i < len(medians); i++ {
		f.Steps = append(f.Steps, medians[i]/medians[i-1])
	}
	f.Exponent = exponent(sizes, medians)
	return f
}

// exponent fits a line to the logarithms of the last points by least squares, and returns its slope.
func exponent(sizes, values []float64) float64 {
	if len(sizes) < tail {
		return math.NaN()
	}
	sizes, values = sizes[len(sizes)-tail:], values[len(values)-tail:]
	var x, y float64 // the middle of the points
	for i := range sizes {
		x, y = x+math.Log(sizes[i])/tail, y+math.Log(values[i])/tail
	}
	var together, alone float64
	for i := range sizes {
		dx, dy := math.Log(sizes[i])-x, math.Log(values[i])-y
		together, alone = together+dx*dy, alone+dx*dx
	}
	return together / alone
}

// Broken tells whether the promise is. What could not be judged is not.
func (f Finding) Broken() bool {
	bound := map[Growth]float64{Unbounded: math.Inf(1), Constant: slack, Linear: 1 + slack}[f.Growth]
	return f.Exponent > bound || f.Ceiling != nil && f.Most > *f.Ceiling
}

// String is a sentence.
func (f Finding) String() string {
	var parts []string
	if f.Growth != Unbounded {
		parts = append(parts, f.growth())
	}
	if f.Ceiling != nil {
		parts = append(parts, fmt.Sprintf("%s at most, of %s allowed", format(f.Most), format(*f.Ceiling)))
	}
	verdict := "holds"
	switch {
	case f.Broken():
		verdict = "BROKEN"
	case f.Growth != Unbounded && math.IsNaN(f.Exponent):
		verdict = "not judged"
	}
	return fmt.Sprintf("%s: %s: %s", f.Metric, strings.Join(parts, "; "), verdict)
}

func (f Finding) growth() string {
	steps := make([]string, len(f.Steps))
	for i, s := range f.Steps {
		steps[i] = "×" + format(s)
	}
	from := strings.Join(steps, " ")
	if math.IsNaN(f.Exponent) {
		return fmt.Sprintf("promised to be %s; from case to case %s; fewer than %d cases tell nothing", f.Growth, from, tail)
	}
	return fmt.Sprintf("promised to be %s; from case to case %s; n^%.2f over the last %d", f.Growth, from, f.Exponent, tail)
}
