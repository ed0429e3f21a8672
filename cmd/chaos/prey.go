package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// catch tells how a mutant was found from one base seed, or that it was not.
type catch struct {
	caught bool
	oracle string // who fired first, whether it was expected or not
	how    string
	world  string // the flags of the world, empty when no single world is at fault
	seeds  uint64
	cpu    float64
}

// prey is what became of a mutant.
type prey struct {
	mutant  mutant
	catches []catch // by processor time, those in vain last
	shrunk  *shrunk
	err     error
}

// median is the catch in the middle. A mutant that most base seeds miss is missed.
func (p prey) median() catch { return p.catches[len(p.catches)/2] }

func (p prey) caught() bool { return p.err == nil && p.median().caught }

// sort puts the cheapest catch first, and those in vain last.
func (p prey) sort() {
	cost := func(c catch) float64 {
		if c.caught {
			return c.cpu
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(p.catches, func(a, b catch) int { return cmp.Compare(cost(a), cost(b)) })
}

// sentence tells of a mutant when it is done.
func (p prey) sentence() string {
	if p.err != nil {
		return fmt.Sprintf("%s: %v", p.mutant.name, p.err)
	}
	c := p.median()
	if !p.caught() {
		return fmt.Sprintf("%s: %s after %d seeds and %.2f CPU s", p.mutant.name, p.judge(), c.seeds, c.cpu)
	}
	return fmt.Sprintf("%s: %s after %d seeds and %.2f CPU s: %s", p.mutant.name, c.oracle, c.seeds, c.cpu, c.how)
}

// judge names who caught the mutant, or says that nobody did. One that fired first and should not have has found something else, or the
// patch does not do what it says.
func (p prey) judge() string {
	switch c := p.median(); {
	case p.caught():
		return c.oracle
	case c.oracle != "":
		return fmt.Sprintf("NOT CAUGHT (%s, expected %s)", c.oracle, strings.Join(p.mutant.oracles, " or "))
	}
	return "NOT CAUGHT"
}

func printPreys(out io.Writer, found []prey) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "mutant\tpackage\tcaught by\tseeds\tCPU s\tfaults")
	for _, p := range found {
		if p.err != nil {
			fmt.Fprintf(table, "%s\t%s\tFAILED\t\t\t\n", p.mutant.name, p.mutant.home())
			continue
		}
		c := p.median()
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%.2f\t%s\n", p.mutant.name, p.mutant.home(), p.judge(), c.seeds, c.cpu, p.faults())
	}
	table.Flush()
}

// faults is how many faults the schedule had, and how many it needs.
func (p prey) faults() string {
	if p.shrunk == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d", p.shrunk.After, p.shrunk.Before)
}
