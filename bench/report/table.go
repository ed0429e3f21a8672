package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table is the workload as a table in Markdown, aligned so that it can be read as it is: a row for each case and subject. Figures are the
// medians of the rounds, with the least and the most of the first one behind it; the last column tells how many times better the first
// subject is than the row's.
func (w *Workload) Table() string {
	subjects := w.subjects()
	if len(subjects) == 0 {
		return "(nothing was measured)\n"
	}
	ours := subjects[0]
	header := []string{w.Case, ""}
	for _, m := range w.Metrics {
		header = append(header, m.Name)
	}
	rows := [][]string{append(header, ours+" is × as good")}
	for _, c := range w.cases() {
		for _, subject := range subjects {
			if len(w.values(subject, c, w.Metrics[0].Name)) > 0 {
				rows = append(rows, w.row(ours, subject, c))
			}
		}
	}
	return align(rows)
}

func (w *Workload) row(ours, subject, c string) []string {
	row := []string{c, subject}
	for i, m := range w.Metrics {
		s := w.Spread(subject, c, m.Name)
		cell := format(s.Median)
		if i == 0 && s.Least != s.Most {
			cell += " (" + format(s.Least) + "–" + format(s.Most) + ")"
		}
		row = append(row, cell)
	}
	ratio := ""
	if subject != ours {
		ratio = format(w.Ratio(ours, subject, c))
	}
	return append(row, ratio)
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

// align makes a Markdown table. The first row is its header; the first two columns are flushed left.
func align(rows [][]string) string {
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
			if column < 2 {
				fmt.Fprintf(&out, "| %s%s ", cell, padding)
			} else {
				fmt.Fprintf(&out, "| %s%s ", padding, cell)
			}
		}
		out.WriteString("|\n")
		if i == 0 {
			out.WriteString(rule(widths))
		}
	}
	return out.String()
}

func rule(widths []int) string {
	var out strings.Builder
	for column, width := range widths {
		if column < 2 {
			out.WriteString("|" + strings.Repeat("-", width+2))
		} else {
			out.WriteString("|" + strings.Repeat("-", width+1) + ":")
		}
	}
	return out.String() + "|\n"
}

func number(text string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	return v, err == nil
}
