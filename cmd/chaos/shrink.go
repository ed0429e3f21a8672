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

	minimal bool // no limit ended the search
}

func shrinkCommand() *cobra.Command {
	s := shrinking{run: sim.Run}
	command := &cobra.Command{
		Use:   "shrink [FILE]",
		Short: "Find the fewest faults with which a world still fails, and write them to a file that replay takes",
		Long: `Find the fewest faults with which a world still fails, and write them to a file that replay takes.

The world is a seed's, or that of a schedule file. It is run once to record its faults and once to see that they alone make the same
judge fire; then faults are taken away for as long as that judge fires, and what is left is run once more. When --calls or --cpu end the search
before everything was tried, that is said. With 3 the run and its record differ; with 4 there is nothing to shrink, because the
world passes.

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
	p := reenactment{run: s.run, judge: world.Judge, wanted: first}
	if second := s.run(heard(scheduled(whole), world.Judge)); !p.fails(second) {
		fmt.Fprintf(out, "%s fired (%s), but with what was recorded, %s, the run ends in: %v %s\n", first.Oracle, first.Message, counted(len(whole.Faults), "fault"), second.Verdict, second.Oracle)
		return exit(exitNondeterministic)
	}
	smallest := schedule.Shrink(whole, p.ending(first), schedule.Effort{Runs: s.calls, Enough: s.enough, Tell: s.tell}, p.play)
	if last := s.run(heard(scheduled(smallest.Schedule), world.Judge)); !p.fails(last) {
		fmt.Fprintf(out, "%s fired with %s, and with the same once more the run ends in: %v %s\n", first.Oracle, counted(len(smallest.Faults), "fault"), last.Verdict, last.Oracle)
		return exit(exitNondeterministic)
	}
	figures := shrunk{string(first.Oracle), len(whole.Faults), len(smallest.Faults), smallest.Runs + 3, smallest.Minimal}
	s.say(figures, out)
	return s.write(smallest.Schedule, figures, out)
}

// enough tells whether the processor time is used up.
func (s *shrinking) enough() bool { return s.cpu > 0 && processorTime() >= s.cpu }

// say tells what came of it, and whether more of it could have made the schedule smaller.
func (s *shrinking) say(figures shrunk, out io.Writer) {
	fmt.Fprintf(out, "%s fires with %s instead of %d, found in %d runs\n", figures.Oracle, counted(figures.After, "fault"), figures.Before, figures.Runs)
	if figures.minimal {
		return
	}
	limit := fmt.Sprintf("--calls %d", s.calls)
	if s.enough() {
		limit = fmt.Sprintf("--cpu %v", s.cpu)
	}
	fmt.Fprintf(out, "%s ended the search: it may fire with fewer\n", limit)
}

// reenactment runs the schedules of one shrinking.
type reenactment struct {
	run    func(sim.Config) sim.Report
	judge  sim.Oracle
	wanted sim.Report // the last run that failed as it should
}

func (p *reenactment) fails(r sim.Report) bool {
	return r.Oracle == p.wanted.Oracle && r.Verdict == p.wanted.Verdict
}

// ending is what a run tells of its schedule.
func (p *reenactment) ending(r sim.Report) schedule.Ending {
	return schedule.Ending{Fails: p.fails(r), At: schedule.Duration(r.Simulated), Faults: r.Strikes}
}

// play runs a schedule. Where the judge fires while the world goes on, one that has come to half as many events again as the last run that failed
// is given up: it would take its time to the end and be healed, to no use.
func (p *reenactment) play(smaller schedule.Schedule) schedule.Ending {
	world := heard(scheduled(smaller), p.judge)
	world.Record = true
	if p.wanted.Simulated < time.Duration(smaller.Duration) {
		world.Until = p.wanted.Events + p.wanted.Events/2
	}
	r := p.run(world)
	if p.fails(r) {
		p.wanted = r
	}
	return p.ending(r)
}

// tell says how far it is, to people who wait.
func (s *shrinking) tell(runs int, smaller schedule.Schedule) {
	fmt.Fprintf(os.Stderr, "%s, %s, %s, %v after %s\n", counted(len(smaller.Faults), "fault"), counted(smaller.Nodes, "server"),
		counted(smaller.Clients, "client"), smaller.Duration, counted(runs, "run"))
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
