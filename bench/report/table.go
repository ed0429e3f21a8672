package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table is the workload as a table in Markdown, aligned so that it can be read as it is: a row for each case and subject. Figures are the
// medians of the rounds, with the least and the most behind them; the last column tells how many times better the first subject is than the
// row's. Where there is one subject only, nothing is said of who it is.
func (w *Workload) Table() string {
	subjects := w.subjects()
	switch len(subjects) {
	case 0:
		return "(nothing was measured)\n"
	case 1:
		return align(w.solo(subjects[0]), 1)
	}
	ours := subjects[0]
	rows := [][]string{slices.Concat([]string{w.Case, ""}, w.names(), []string{ours + " is × as good"})}
	for _, c := range w.cases() {
		for _, subject := range subjects {
			if len(w.values(subject, c, w.Metrics[0].Name)) == 0 {
				continue
			}
			ratio := ""
			if subject != ours {
				ratio = format(w.Ratio(ours, subject, c))
			}
			rows = append(rows, slices.Concat([]string{label(c), subject}, w.cells(subject, c), []string{ratio}))
		}
	}
	return align(rows, 2)
}

func (w *Workload) solo(subject string) [][]string {
	rows := [][]string{slices.Concat([]string{w.Case}, w.names())}
	for _, c := range w.cases() {
		rows = append(rows, slices.Concat([]string{label(c)}, w.cells(subject, c)))
	}
	return rows
}

func (w *Workload) names() (names []string) {
	for _, m := range w.Metrics {
		names = append(names, m.Name)
	}
	return names
}

func (w *Workload) cells(subject, c string) (cells []string) {
	for _, m := range w.Metrics {
		cells = append(cells, w.Spread(subject, c, m.Name).String())
	}
	return cells
}

// String is the median, and behind it the range if there is one.
func (s Spread) String() string {
	median, least, most := format(s.Median), format(s.Least), format(s.Most)
	if least == most {
		return median
	}
	return median + " (" + least + "–" + most + ")"
}

// label is a case as people read it.
func label(c string) string {
	if v, is := number(c); is && v >= 1000 {
		return format(v)
	}
	return c
}

// format gives three digits or so, and whole numbers their thousands.
func format(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case size < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case size < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	if v < 0 {
		return "-" + digits
	}
	return digits
}

// align makes a Markdown table. The first row is its header; so many columns are flushed left.
func align(rows [][]string, left int) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var out strings.Builder
	for i, row := range rows {
		for column, cell := range row {
			padding := strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell))
			if column < left {
				fmt.Fprintf(&out, "| %s%s ", cell, padding)
			} else {
				fmt.Fprintf(&out, "| %s%s ", padding, cell)
			}
		}
		out.WriteString("|\n")
		if i == 0 {
			out.WriteString(rule(widths, left))
		}
	}
	return out.String()
}

func rule(widths []int, left int) string {
	var out strings.Builder
	for column, width := range widths {
		if column < left {
			out.WriteString("|" + strings.Repeat("-", width+2))
		} else {
			out.WriteString("|" + strings.Repeat("-", width+1) + ":")
		}
	}
	return out.String() + "|\n"
}

// number is a case that is one.
func number(text string) (float64, bool) {
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}
