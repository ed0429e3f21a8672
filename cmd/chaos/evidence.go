package main

import (
	"fmt"
	"io"
	"slices"
)

// evidence is what all hunts together say: of how far detection is a matter of luck, and of how well schedules shrink.
type evidence struct {
	searches int
	late     int       // took longer than three times the median of their mutant, or were in vain
	left     []float64 // of each schedule that was shrunk, the share of its faults that is left
	small    int       // of them, those with a tenth at most, or three faults where that is more
}

// gather counts over all mutants that could be run and were caught.
func gather(found []prey) (e evidence) {
	for _, p := range found {
		if !p.caught() {
			continue
		}
		for _, c := range p.catches {
			e.searches++
			if !c.caught || c.cpu > 3*p.median().cpu {
				e.late++
			}
		}
		if p.shrunk != nil && p.shrunk.Before > 0 {
			e.left = append(e.left, float64(p.shrunk.After)/float64(p.shrunk.Before))
			if p.shrunk.After <= max(few, p.shrunk.Before/10) {
				e.small++
			}
		}
	}
	slices.Sort(e.left)
	return e
}

// few faults are as good as none, however few there were before.
const few = 3

// print says as much as the hunts allow: nothing of medians if there was one base seed, nothing of schedules if none was shrunk.
func (e evidence) print(out io.Writer, bases int) {
	if bases > 1 && e.searches > 0 {
		fmt.Fprintf(out, "%d of %d searches took more than three times the median of their mutant, or were in vain\n", e.late, e.searches)
	}
	if len(e.left) > 0 {
		fmt.Fprintf(out, "%d of %d schedules were shrunk to a tenth of their faults, or to three; the median has %.1f %% left\n",
			e.small, len(e.left), 100*e.left[len(e.left)/2])
	}
}
