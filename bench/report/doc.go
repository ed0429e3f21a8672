// Package report holds what was measured, and shows it: as a table, as a plot, as JSON and as a document. It measures nothing.
//
// A report has workloads, a workload has points: what one subject did in one case (64 clients, say) in one round. Medians, ranges and ratios are
// taken over rounds when they are shown, so that the JSON has every figure there was. A ratio is the median of the rounds' ratios, not the ratio of
// the medians: what slows a round down slows everybody in it.
//
// A metric may promise how it grows with the case. A Finding says whether it does: by the slope of a line through the last cases, both axes
// logarithmic, because the small cases are mostly what is spent in any case. Plots have logarithmic axes too, where a power is a straight line.
package report
