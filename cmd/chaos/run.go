package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"lockd/sim"
)

func runCommand() *cobra.Command {
	c := campaign{run: sim.Run, calibrate: sim.Calibrate}
	var files resultFiles
	command := &cobra.Command{
		Use:   "run",
		Short: "Run worlds, one for each seed, and judge them",
		Long: `Run worlds, one for each seed, and judge them.

First the judges themselves are tested, on histories that are known to be right or wrong. A failure is told with the judge that fired, one sentence, and the command that runs its world again. One seed in twenty is run
twice, on another thread, and must give the same hash. From fifty worlds of a profile on, a fault that was injected twenty times and
was never seen to make a difference is a failure too.

` + exitCodes,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := c.plan(); err != nil {
				return err
			}
			if c.jobs < 1 || c.cpu < 0 || c.wall < 0 {
				return fmt.Errorf("--jobs is at least 1, and no limit is negative")
			}
			return c.campaign(files)
		},
	}
	flags := command.Flags()
	c.flags(flags)
	flags.IntVar(&c.jobs, "jobs", runtime.NumCPU(), "worlds at a time")
	flags.BoolVar(&c.twice, "twice", false, "run every seed twice, instead of one in twenty")
	flags.BoolVar(&c.stop, "stop", false, "begin no more worlds after the first failure")
	flags.DurationVar(&c.cpu, "cpu", 0, "begin no more worlds after so much processor time; zero: no limit")
	flags.DurationVar(&c.wall, "time-limit", 0, "begin no more worlds after so much time; zero: no limit")
	files.flags(flags)
	return command
}

// campaign runs the worlds, tells how it goes, and writes the results.
func (c *campaign) campaign(files resultFiles) error {
	c.began = time.Now()
	t, line, out := newTally(), newProgress(c), files.output()
	if t.calibrate(c) {
		for o := range c.outcomes() {
			t.add(o)
			if o.failed() {
				line.clear()
				t.failures[len(t.failures)-1].print(out)
			}
			line.show(t)
		}
		line.clear()
		t.doubts(c)
	}
	for _, f := range t.failures {
		if f.Campaign { // the others were told when they happened
			f.print(out)
		}
	}
	r := result{tally: t, campaign: c, cpu: processorTime(), wall: time.Since(c.began)}
	r.print(out)
	if err := files.write(r); err != nil {
		return harnessError{err}
	}
	if code := t.code(); code != exitPass {
		return exit(code)
	}
	return nil
}

// print says what broke, and how to see it again.
func (f failure) print(out *os.File) {
	who := fmt.Sprintf("seed %d", f.Seed)
	if f.Campaign {
		who = "the campaign"
	}
	fmt.Fprintf(out, "%s: %s: %s\n    %s\n", who, f.Oracle, f.Message, f.Command)
}
