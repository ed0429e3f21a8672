package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"lockd/schedule"
	"lockd/sim"
)

// shrinking is one `chaos shrink`.
type shrinking struct {
	subject
	output string
	json   string
	calls  int
	cpu    time.Duration

	run func(sim.Config) sim.Report
}

// shrunk is what came of it. Its names are part of the JSON that scripts read.
type shrunk struct {
	Oracle string `json:"oracle"`
	Before int    `json:"faults_before"`
	After  int    `json:"faults_after"`
	Runs   int    `json:"runs"`
}

func shrinkCommand() *cobra.Command {
	s := shrinking{run: sim.Run}
	command := &cobra.Command{
		Use:   "shrink [FILE]",
		Short: "Find the fewest faults with which a world still fails, and write them to a file that replay takes",
		Long: `Find the fewest faults with which a world still fails, and write them to a file that replay takes.

The world is a seed's, or that of a schedule file. It is run once to record its faults and once to see that they alone make the same
judge fire; then faults are taken away for as long as that judge fires. With 3 the run and its record differ; with 4 there
is nothing to shrink, because the world passes.

` + exitCodes,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			world, err := s.world(command, files)
			if err != nil {
				return err
			}
			if s.calls < 1 || s.cpu < 0 {
				return fmt.Errorf("--calls is at least 1, and no limit is negative")
			}
			return s.shrink(world, command.OutOrStdout())
		},
	}
	s.flags(command)
	flags := command.Flags()
	flags.StringVarP(&s.output, "output", "o", "", "the file to write; - is standard output")
	flags.StringVar(&s.json, "json", "", "write from how many faults to how many, in how many runs, to this file as JSON")
	flags.IntVar(&s.calls, "calls", 2000, "run the world at most so often")
	flags.DurationVar(&s.cpu, "cpu", 0, "run it no more after so much processor time; zero: no limit")
	if err := command.MarkFlagRequired("output"); err != nil {
		panic(err)
	}
	return command
}

func (s *shrinking) shrink(world sim.Config, out io.Writer) error {
	if s.output == "-" {
		out = os.Stderr
	}
	world.Record = true
	first := s.run(world)
	if first.Verdict == sim.Pass {
		fmt.Fprintf(out, "seed %d passes: there is nothing to shrink\n", world.Seed)
		return exit(exitUnknown)
	}
	whole := recorded(world, first)
	if second := s.run(heard(scheduled(whole), world.Judge)); second.Oracle != first.Oracle || second.Verdict != first.Verdict {
		fmt.Fprintf(out, "%s fired (%s), but the %d faults that were recorded end in: %v %s\n", first.Oracle, first.Message, len(whole.Faults), second.Verdict, second.Oracle)
		return exit(exitNondeterministic)
	}
	smallest, runs := schedule.Shrink(whole, schedule.Effort{Runs: s.calls, Tell: s.tell}, func(smaller schedule.Schedule) bool {
		if s.cpu > 0 && processorTime() >= s.cpu {
			return false
		}
		r := s.run(heard(scheduled(smaller), world.Judge))
		return r.Oracle == first.Oracle && r.Verdict == first.Verdict
	})
	fmt.Fprintf(out, "%s fires with %d faults instead of %d, found in %d runs\n", first.Oracle, len(smallest.Faults), len(whole.Faults), runs+2)
	return s.write(smallest, shrunk{string(first.Oracle), len(whole.Faults), len(smallest.Faults), runs + 2}, out)
}

// tell says how far it is, to people who wait.
func (s *shrinking) tell(runs int, smaller schedule.Schedule) {
	fmt.Fprintf(os.Stderr, "%d faults, %d servers, %d clients, %v after %d runs\n", len(smaller.Faults), smaller.Nodes, smaller.Clients, smaller.Duration, runs)
}

func (s *shrinking) write(smallest schedule.Schedule, figures shrunk, out io.Writer) error {
	if err := writeSchedule(s.output, smallest); err != nil {
		return harnessError{err}
	}
	if s.output != "-" {
		fmt.Fprintf(out, "    go run ./cmd/chaos replay %s --trace\n", s.output)
	}
	if s.json == "" {
		return nil
	}
	content, err := json.Marshal(figures)
	if err != nil {
		return harnessError{err}
	}
	if err := writeFile(s.json, append(content, '\n')); err != nil {
		return harnessError{err}
	}
	return nil
}
