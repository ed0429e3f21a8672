package main

// nearest is the name most like another, if one is like it at all: no more than a third of its letters differ, or two of four or five,
// or one of two or three.
func nearest(name string, names []string) (closest string, found bool) {
	bound := max(min(2, len(name)/2), len(name)/3) + 1
	for _, candidate := range names {
		if d := distance(name, candidate); d < bound {
			closest, bound, found = candidate, d, true
		}
	}
	return closest, found
}

// distance is how many bytes must be put in, taken out or replaced to make one name of another.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// meant is the end of an error about an unknown name: which one was perhaps meant. The prefix that all names have is left out of
// them: it would make any two alike.
func meant(prefix, name string, names []string) string {
	if closest, found := nearest(name, names); found {
		return " (did you mean " + prefix + closest + "?)"
	}
	return ""
}
