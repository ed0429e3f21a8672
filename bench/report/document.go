package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Document writes benchmarks.md and the plots that it shows into a folder. The story is a file of Markdown, written by hand, that stands at the
// end; if there is none, nothing does.
func Document(folder, story string, reports []*Report) error {
	var out strings.Builder
	out.WriteString(preface)
	for _, r := range reports {
		plot := ""
		if len(r.plots()) > 0 {
			plot = "benchmarks-" + r.Name + ".svg"
			if err := os.WriteFile(filepath.Join(folder, plot), []byte(r.Plot()), 0o644); err != nil {
				return err
			}
		}
		r.section(&out, plot)
	}
	told, err := os.ReadFile(story)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(told) > 0 {
		fmt.Fprintf(&out, "\n%s", told)
	}
	return os.WriteFile(filepath.Join(folder, "benchmarks.md"), []byte(out.String()), 0o644)
}

const preface = `# Benchmarks

Written by ` + "`go run . document`" + ` in bench/, from what the commands below have measured; the figures are not touched by hand.

All servers and all clients share one machine and its loopback network, and every system has its data on the same real disk and syncs it before
it answers. Rounds are interleaved: in each round every system does its part, one after the other, so that whatever else the machine does is
shared by all. Figures are the medians of the rounds, those in parentheses the least and the most. The last column compares the first figure of the
row with ours, round by round, and is the median of these ratios: above 1, ours is better. Ratios hold for this machine; figures of different runs
don't compare at all. CPU is user and system time of all server processes of a system, or of a whole group of a library, for one operation.

## How to repeat it

Go, and a directory on a real disk (` + "`--scratch`" + `, by default the system's for temporary files); nothing else that runs. etcd and the libraries
are built from their modules. What is not installed is skipped, and says so:

    apt-get update && apt-get install -y --no-install-recommends redis-server zookeeper default-jre-headless
    cd bench
    go run . locks --json locks.json      # twenty minutes
    go run . raft --json raft.json        # ten minutes
    go run . growth --json growth.json    # a quarter of an hour
    go run . document locks.json raft.json growth.json

` + "`--only`" + ` and ` + "`--workloads`" + ` leave out systems and workloads, ` + "`--rounds`" + ` and ` + "`--time`" + ` make it shorter: ` + "`go run . locks --help`" + `. The parts alone, with
what they allocate: ` + "`go test -run '^$' -bench . ./raft ./lockfsm ./wal ./wire ./client/session ./linearizability ./fence`" + ` in the root, and
` + "`./daemon`" + ` for a cluster in one process. ` + "`chaos run`" + ` tells how many simulated seconds it gets out of one of the processor.
`

func (r *Report) section(out *strings.Builder, plot string) {
	fmt.Fprintf(out, "\n## %s\n\n`%s`, in bench/; begun %s at commit %s.\n%s.\n\n", r.Title, r.Command, r.Began.Format("2006-01-02 15:04 UTC"), r.Commit, r.Machine)
	for _, s := range r.Subjects {
		fmt.Fprintf(out, "- **%s** %s: %s.\n", s.Name, s.Version, s.Settings)
		for _, choice := range s.Choices {
			fmt.Fprintf(out, "  - %s\n", choice)
		}
	}
	for i := range r.Workloads {
		r.Workloads[i].section(out)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "\nNote: %s\n", note)
	}
	if plot != "" {
		fmt.Fprintf(out, "\n![%s](%s)\n", r.Title, plot)
	}
}

func (w *Workload) section(out *strings.Builder) {
	fmt.Fprintf(out, "\n**%s**: %s\n\n%s", w.Name, w.About, w.Table())
	for i, finding := range w.Findings() {
		if i == 0 {
			out.WriteString("\n")
		}
		fmt.Fprintf(out, "- %s\n", finding)
	}
}
