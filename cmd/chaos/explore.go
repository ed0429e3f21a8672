package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockd/explore"
	"lockd/sim"
)

// expedition is one `chaos explore`.
type expedition struct {
	bounds explore.Bounds
	limit  time.Duration
	json   string
}

func exploreCommand() *cobra.Command {
	var x expedition
	command := &cobra.Command{
		Use:   "explore",
		Short: "Look at every state that a few nodes can reach within bounds",
		Long: `Look at every state that a few nodes can reach within bounds.

The nodes are the real consensus core, without the rest of the service. Every order of what can happen to them is tried, states that were
met before are passed over, and states that differ only in who is who are one. In each state the invariants of Raft must hold. The first
one that violates them is told as a transcript, in as few actions as possible.

It exits with 0 if all states within the bounds, or within the depth, were looked at; with 1 if one of them is unsafe; and with 4 if the time
was up before, which shows nothing.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := x.bounds.Check(); err != nil {
				return err
			}
			if x.limit <= 0 {
				return fmt.Errorf("--time-limit is more than zero")
			}
			return x.run(command.OutOrStdout())
		},
	}
	x.flags(command.Flags())
	return command
}

func (x *expedition) flags(flags *pflag.FlagSet) {
	b := &x.bounds
	flags.IntVar(&b.Nodes, "nodes", 3, "members of the cluster, 1 to 5")
	flags.IntVar(&b.Depth, "depth", 100, "actions, one after the other")
	flags.Uint64Var((*uint64)(&b.Terms), "terms", 4, "the highest term; the cluster is formed in term 1")
	flags.IntVar(&b.Late, "late", 0, "messages and unfinished records that may be under way while time passes; the other messages are lost")
	flags.IntVar(&b.Proposals, "proposals", 1, "commands of clients")
	flags.IntVar(&b.Changes, "changes", 0, "changes of the membership: a leader is asked to remove voters")
	flags.IntVar(&b.Removed, "removed", 1, "voters that one change removes at most")
	flags.IntVar(&b.Duplicates, "duplicates", 0, "messages that arrive once more")
	flags.IntVar(&b.Crashes, "crashes", 0, "losses of power; without one, disks finish at once")
	flags.IntVar(&b.Timeouts, "timeouts", 4, "times that patience runs out, a heartbeat is due or a leader has heard nobody")
	flags.DurationVar(&x.limit, "time-limit", 5*time.Minute, "give up after so much time")
	flags.StringVar(&x.json, "json", "", "also write the result to this file")
}

// explored is the result as JSON.
type explored struct {
	States    int       `json:"states"`
	Steps     int       `json:"steps"`
	Depth     int       `json:"depth"`
	Exhausted bool      `json:"exhausted"`
	Failed    []failure `json:"failed"`
	CPU       float64   `json:"cpu_seconds"`
	Wall      float64   `json:"wall_seconds"`
	Code      int       `json:"exit_code"`
}

func (x *expedition) run(out io.Writer) error {
	began := time.Now()
	report, err := explore.Explore(x.bounds, x.limit)
	if err != nil {
		return harnessError{err}
	}
	wall, cpu := time.Since(began), processorTime()
	fmt.Fprint(out, report.Transcript)
	fmt.Fprintf(out, "%d states in %.1fs (%.1f CPU seconds), %.0f states a second; %s\n", report.States, wall.Seconds(), cpu.Seconds(),
		float64(report.States)/max(wall.Seconds(), 0.001), conclusion(report))
	code := explorationCode(report)
	result := explored{States: report.States, Steps: report.Steps, Depth: report.Depth, Exhausted: report.Exhausted, Failed: x.failures(report), CPU: cpu.Seconds(), Wall: wall.Seconds(), Code: code}
	if err := x.write(result); err != nil {
		return harnessError{err}
	}
	if code != exitPass {
		return exit(code)
	}
	return nil
}

// conclusion says how far the exploration got.
func conclusion(r explore.Report) string {
	switch {
	case r.Violation != nil:
		return fmt.Sprintf("%v, after %s", r.Violation, counted(r.Depth+1, "action"))
	case r.Exhausted:
		return fmt.Sprintf("no other state is within the bounds: the last ones take %s", counted(r.Depth-1, "action"))
	case r.Unfinished:
		return fmt.Sprintf("the time was up, and only the states of less than %s are known: that shows nothing", counted(r.Depth+1, "action"))
	}
	return fmt.Sprintf("every state of up to %s was looked at", counted(r.Depth, "action"))
}

// explorationCode is the exit code. What was not looked at may be unsafe.
func explorationCode(r explore.Report) int {
	switch {
	case r.Violation != nil:
		return exitUnsafe
	case r.Unfinished:
		return exitUnknown
	}
	return exitPass
}

func (x *expedition) failures(r explore.Report) []failure {
	if r.Violation == nil {
		return nil
	}
	b := x.bounds
	command := fmt.Sprintf("go run ./cmd/chaos explore --nodes %d --depth %d --terms %d --late %d --proposals %d --changes %d --removed %d --duplicates %d --crashes %d --timeouts %d",
		b.Nodes, b.Depth, b.Terms, b.Late, b.Proposals, b.Changes, b.Removed, b.Duplicates, b.Crashes, b.Timeouts)
	return []failure{{Verdict: sim.Unsafe.String(), Oracle: string(r.Violation.Invariant), Message: r.Violation.Message, Command: command}}
}

func (x *expedition) write(result explored) error {
	if x.json == "" {
		return nil
	}
	content, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(x.json, append(content, '\n'), 0o644)
}
