package main

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lockd/linearizability"
	"lockd/schedule"
	"lockd/sim"
)

// replaying is one `chaos replay`.
type replaying struct {
	subject
	trace   bool
	until   uint64
	record  string
	history string
}

func replayCommand() *cobra.Command {
	var p replaying
	command := &cobra.Command{
		Use:   "replay [FILE]",
		Short: "Run one world again, of a seed or of a schedule file, and tell what happened in it",
		Long: `Run one world again, of a seed or of a schedule file, and tell what happened in it.

A schedule file (docs/chaos.md) has the faults of the run, these and no others. When it names a judge, the replay says whether that
judge still fires. The exit code is that of the run.

` + exitCodes,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			world, err := p.world(command, files)
			if err != nil {
				return err
			}
			return p.replay(world, command.OutOrStdout())
		},
	}
	p.flags(command)
	flags := command.Flags()
	flags.BoolVar(&p.trace, "trace", false, "tell the run as a timeline: who led, who held which lock with which token, what broke")
	flags.Uint64Var(&p.until, "until", 0, "stop after so many events, and say how everybody stands")
	flags.StringVar(&p.record, "record", "", "write the faults of the run to this file, as a schedule that replay takes")
	flags.StringVar(&p.history, "history", "", "write what the clients did and were told to this file, as JSON lines that check takes")
	return command
}

func (p *replaying) replay(world sim.Config, out io.Writer) error {
	world.Until, world.Record, world.History = p.until, p.record != "", p.history != ""
	if p.trace {
		world.Tell = func(at time.Duration, sentence string) { fmt.Fprintf(out, "%12.6f  %s\n", at.Seconds(), sentence) }
	}
	report := sim.Run(world)
	tellReport(out, report)
	if err := p.write(world, report); err != nil {
		return harnessError{err}
	}
	if p.until > 0 && report.State != "" {
		fmt.Fprint(out, report.State)
	}
	if world.Schedule != nil && world.Schedule.Oracle != "" && p.until == 0 {
		fmt.Fprintln(out, again(world.Schedule.Oracle, string(report.Oracle)))
	}
	if report.Verdict == sim.Pass {
		return nil
	}
	fmt.Fprintf(out, "%s: %s\n", report.Oracle, report.Message)
	return exit(verdictCode(report.Verdict))
}

// write writes the files that were asked for.
func (p *replaying) write(world sim.Config, r sim.Report) error {
	if p.record != "" {
		if err := writeSchedule(p.record, recorded(world, r)); err != nil {
			return err
		}
	}
	if p.history == "" {
		return nil
	}
	var content bytes.Buffer
	if err := linearizability.Encode(&content, &r.History); err != nil {
		return err
	}
	return writeFile(p.history, content.Bytes())
}

// tellReport writes a line about the run, and one for each kind of fault in it.
func tellReport(out io.Writer, r sim.Report) {
	fmt.Fprintf(out, "seed %d: %v, hash %016x, %d events, %d grants, %v simulated\n", r.Seed, r.Verdict, r.Hash, r.Events, r.Grants, r.Simulated)
	for f, count := range r.Faults {
		if count.Injected > 0 {
			fmt.Fprintf(out, "    %v: injected %d, observed %d\n", schedule.Fault(f), count.Injected, count.Observed)
		}
	}
}

// again says whether the judge that a schedule names has fired.
func again(named, fired string) string {
	switch fired {
	case named:
		return named + " fires again"
	case "":
		return named + " does not fire any more"
	}
	return fmt.Sprintf("%s does not fire: %s does", named, fired)
}
