package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"lockd/schedule"
	"lockd/sim"
)

// result is a campaign that has ended.
type result struct {
	*tally
	campaign  *campaign
	cpu, wall time.Duration
}

// speed is how many simulated seconds took one second of a processor.
func (r result) speed() float64 { return r.simulated.Seconds() / max(r.cpu.Seconds(), 0.001) }

// each is how many of something there were in a simulated second. What the second runs of a seed did is not counted, nor their time.
func (r result) each(count uint64) float64 {
	once := r.simulated.Seconds() * float64(r.seeds) / float64(max(1, r.seeds+r.again))
	return float64(count) / max(once, 0.001)
}

func (r result) contendedShare() float64 { return float64(r.contended) / float64(max(1, r.grants)) }

// print writes the summary.
func (r result) print(out io.Writer) {
	fmt.Fprintf(out, "%s: %d passed", counted(r.seeds, "seed"), r.passed)
	for v := sim.Unsafe; v <= sim.Broken; v++ {
		fmt.Fprintf(out, ", %d %v", r.verdicts[v], v)
	}
	fmt.Fprintf(out, "; %d run twice, %d of them nondeterministic\n", r.again, r.differing)
	fmt.Fprintf(out, "%.0f simulated seconds, %.1f CPU seconds: %.0f simulated seconds per CPU second\n", r.simulated.Seconds(), r.cpu.Seconds(), r.speed())
	fmt.Fprintf(out, "%.1f grants and %.1f releases a simulated second, %.0f %% of the grants contended\n", r.each(r.grants), r.each(r.releases), 100*r.contendedShare())
	fmt.Fprintf(out, "%d events, %d operations, hash %016x\n", r.events, r.operations, r.hash)
	if len(r.profiles) > 1 {
		r.printProfiles(out)
	}
	r.printFaults(out)
	r.printProbes(out)
}

func (r result) printProfiles(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nprofile\tseeds\tpassed\tfaults observed\t")
	for _, p := range r.profiles {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t\n", p.name, p.seeds, p.passed, p.faults.observed())
	}
	table.Flush()
}

func (r result) printFaults(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nfault\tinjected\tobserved\t")
	var absent []string
	for f, count := range r.faults {
		if count.Injected == 0 {
			absent = append(absent, schedule.Fault(f).String())
			continue
		}
		fmt.Fprintf(table, "%v\t%d\t%d\t\n", schedule.Fault(f), count.Injected, count.Observed)
	}
	table.Flush()
	if len(absent) > 0 {
		fmt.Fprintf(out, "never injected: %s\n", strings.Join(absent, ", "))
	}
}

func (r result) printProbes(out io.Writer) {
	if len(r.probes) == 0 {
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nprobe\thits\t")
	var missed []string
	for _, p := range r.probesByName() {
		if p.hits == 0 {
			missed = append(missed, p.name)
			continue
		}
		fmt.Fprintf(table, "%s\t%d\t\n", p.name, p.hits)
	}
	table.Flush()
	if len(missed) > 0 {
		fmt.Fprintf(out, "never reached: %s\n", strings.Join(missed, ", "))
	}
}

// counted is a number of things, as people say it.
func counted[N int | uint64](number N, thing string) string {
	if number == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", number, thing)
}
