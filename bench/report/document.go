package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Document writes benchmarks.md and the plots that it shows into a folder.
func Document(folder string, reports []*Report) error {
	var out strings.Builder
	out.WriteString(preface)
	for _, r := range reports {
		name := "benchmarks-" + r.Name + ".svg"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(r.Plot()), 0o644); err != nil {
			return err
		}
		r.section(&out, name)
	}
	return os.WriteFile(filepath.Join(folder, "benchmarks.md"), []byte(out.String()), 0o644)
}

const preface = `# Benchmarks

Written by ` + "`go run . document`" + ` in bench/, from what ` + "`go run . locks --json`" + ` and ` + "`go run . raft --json`" + ` have measured; not by hand.

All servers and all clients share one machine and its loopback network, and every system has its data on the same real disk and syncs it before
it answers. Rounds are interleaved: in each round every system does its part, one after the other, so that whatever else the machine does is
shared by all. Figures are the medians of the rounds, those in parentheses the least and the most. The last column compares the first figure of the
row with ours, round by round, and is the median of these ratios: above 1, ours is better. Ratios hold for this machine; figures of different runs
don't compare at all. CPU is user and system time of all server processes of a system, for one operation.
`

func (r *Report) section(out *strings.Builder, plot string) {
	fmt.Fprintf(out, "\n## %s\n\n`%s`, in bench/; begun %s at commit %s.\n%s.\n\n", r.Title, r.Command, r.Began.Format("2006-01-02 15:04 UTC"), r.Commit, r.Machine)
	for _, s := range r.Subjects {
		fmt.Fprintf(out, "- **%s** %s: %s.\n", s.Name, s.Version, s.Settings)
	}
	for i := range r.Workloads {
		fmt.Fprintf(out, "\n%s\n\n%s", r.Workloads[i].About, r.Workloads[i].Table())
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "\nNote: %s\n", note)
	}
	fmt.Fprintf(out, "\n![%s](%s)\n", r.Title, plot)
}
