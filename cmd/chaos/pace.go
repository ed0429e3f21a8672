package main

import (
	"fmt"
	"io"
	"math"
)

// pace compares one search for each mutant with the published medians. How many seeds a search takes has no memory: a single one that takes
// long says nothing, and no limit for a single mutant is both fair and sharp. All together they do say whether the worlds have become blunter.
type pace struct {
	searches int // for mutants that are published with a number of seeds
	late     int // took more seeds than three times their median, or were in vain
}

// lateChance is how often a search takes more than three times the median of five searches that were just as good. For memoryless times
// that median is the sum of the first three of the gaps between five of them, and the chance is 5/8 · 4/7 · 3/6. Whole numbers of seeds make it smaller.
const lateChance = 5.0 / 28

// measure counts who was late. What failed to run is judged elsewhere.
func (p *pace) measure(published table, found []prey) {
	for _, f := range found {
		row, is := published[f.mutant.name]
		if !is || row.seeds == 0 || f.err != nil {
			continue
		}
		p.searches++
		if c := f.median(); !f.caught() || c.seeds > 3*row.seeds {
			p.late++
		}
	}
}

// bearable is how many may be late by chance: four standard deviations above the mean, which chance exceeds once in ten thousand hunts or so.
func (p *pace) bearable() int {
	mean := lateChance * float64(p.searches)
	return int(mean + 4*math.Sqrt(mean*(1-lateChance)))
}

// conclude says how it stands, and whether that is bearable.
func (p *pace) conclude(out io.Writer) error {
	fmt.Fprintf(out, "%d of %d searches took more than three times the published median of their mutant; by chance up to %d do\n", p.late, p.searches, p.bearable())
	if p.late > p.bearable() {
		fmt.Fprintln(out, "the worlds find less than they did when the table was published")
		return exit(exitUnknown)
	}
	return nil
}
