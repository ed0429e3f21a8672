package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lockd/schedule"
	"lockd/sim"
	"lockd/sim/exhibits"
)

// exhibitCommand tells of designs that break, and of lockd under the same faults.
func exhibitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "exhibit [NAME]",
		Short: "Show a design of a lock that does not work breaking, and lockd under the same faults",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, names []string) error {
			out := command.OutOrStdout()
			if len(names) == 0 {
				return listExhibits(out)
			}
			all := exhibits.All()
			i := slices.IndexFunc(all, func(e exhibits.Exhibit) bool { return e.Name == names[0] })
			if i < 0 {
				return fmt.Errorf("there is no exhibit %q; without a name they are listed", names[0])
			}
			return show(out, all[i])
		},
	}
}

func listExhibits(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range exhibits.All() {
		fmt.Fprintf(table, "%s\t%s\n", e.Name, e.Title)
	}
	return table.Flush()
}

// show tells the two stories one after the other, and what is to be learnt from them.
func show(out io.Writer, e exhibits.Exhibit) error {
	fmt.Fprintf(out, "%s\n\n", e.Title)
	paragraph(out, "The design: "+e.Design)
	paragraph(out, "The fault: "+e.Fault)
	fmt.Fprintf(out, "What happens (seed %d; seconds of true time)\n\n", e.Seed)
	broken := showBreaking(out, e)
	fmt.Fprintf(out, "The same faults on lockd: %s\n\n", "servers, logs and clients of the product, in the simulator")
	survived := showTwin(out, e)
	paragraph(out, "The lesson: "+e.Lesson)
	if err := errors.Join(broken, survived); err != nil {
		return harnessError{fmt.Errorf("exhibit %s: %w", e.Name, err)}
	}
	return nil
}

func showBreaking(out io.Writer, e exhibits.Exhibit) error {
	outcome := e.Run(timeline(out))
	fmt.Fprintln(out)
	paragraph(out, fmt.Sprintf("Of the first 1000 seeds %d end like this; without the fault none does.", e.Breaks))
	if outcome.Harm != e.Harm {
		return fmt.Errorf("the design was to end in %q, not in %q", e.Harm, outcome.Harm)
	}
	return showMended(out, e)
}

// showMended shows a design with what it lacked, if it is one of the few that can be mended.
func showMended(out io.Writer, e exhibits.Exhibit) error {
	if !e.Mends {
		return nil
	}
	fmt.Fprintf(out, "The same seed and the same fault, mended\n\n")
	outcome := e.Mended(timeline(out))
	fmt.Fprintln(out)
	if outcome.Harm != exhibits.None {
		return fmt.Errorf("mended, it still ends in %q", outcome.Harm)
	}
	return nil
}

func showTwin(out io.Writer, e exhibits.Exhibit) error {
	report, err := e.Twin(timeline(out))
	fmt.Fprintf(out, "\nlockd: %v. %d locks were granted in %v.\n", report.Verdict, report.Grants, report.Simulated.Round(time.Second))
	for f, count := range report.Faults {
		if count.Injected > 0 {
			fmt.Fprintf(out, "    %v: injected %d, observed %d\n", schedule.Fault(f), count.Injected, count.Observed)
		}
	}
	probes := slices.SortedStableFunc(slices.Values(report.Probes), func(a, b sim.Probe) int { return cmp.Compare(a.Name, b.Name) })
	for _, probe := range probes {
		if probe.Hits > 0 {
			fmt.Fprintf(out, "    %s: %d\n", probe.Name, probe.Hits)
		}
	}
	fmt.Fprintln(out)
	return err
}

// timeline prints a story, as wide as a terminal usually is.
func timeline(out io.Writer) exhibits.Tell {
	return func(at time.Duration, sentence string) {
		for i, line := range wrap(sentence, width-12) {
			if i == 0 {
				fmt.Fprintf(out, "%10.3f  %s\n", at.Seconds(), line)
			} else {
				fmt.Fprintf(out, "%12s%s\n", "", line)
			}
		}
	}
}

const width = 100

func paragraph(out io.Writer, text string) {
	fmt.Fprintf(out, "%s\n\n", strings.Join(wrap(text, width), "\n"))
}

// wrap breaks a text into lines between words.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
