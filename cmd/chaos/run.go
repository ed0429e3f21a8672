package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockd/sim"
)

// shape is what the worlds of one command have in common.
type shape struct {
	members, clients int
	duration         time.Duration
}

func (s *shape) flags(flags *pflag.FlagSet) {
	flags.IntVar(&s.members, "nodes", 5, "servers, 1 to 9")
	flags.IntVar(&s.clients, "clients", 8, "clients, 1 to 1000")
	flags.DurationVar(&s.duration, "duration", time.Minute, "simulated time with faults, up to an hour")
}

func (s *shape) check() error {
	switch {
	case s.members < 1 || s.members > 9:
		return fmt.Errorf("--nodes is 1 to 9, not %d", s.members)
	case s.clients < 1 || s.clients > 1000:
		return fmt.Errorf("--clients is 1 to 1000, not %d", s.clients)
	case s.duration <= 0 || s.duration > time.Hour:
		return fmt.Errorf("--duration is up to an hour, not %v", s.duration)
	}
	return nil
}

func (s *shape) world(seed uint64) sim.Config {
	return sim.Config{Seed: seed, Members: s.members, Clients: s.clients, Duration: s.duration}
}

// campaign is one `chaos run`.
type campaign struct {
	shape
	seeds, from uint64
	jobs        int
	twice       bool
	stop        bool
	cpu         time.Duration
	json        string
}

func runCommand() *cobra.Command {
	var c campaign
	command := &cobra.Command{
		Use:   "run",
		Short: "Run worlds, one for each seed, and judge them",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := c.check(); err != nil {
				return err
			}
			if c.seeds < 1 || c.jobs < 1 {
				return fmt.Errorf("--seeds and --jobs are at least 1")
			}
			return c.run()
		},
	}
	flags := command.Flags()
	c.flags(flags)
	flags.Uint64Var(&c.seeds, "seeds", 100, "how many worlds")
	flags.Uint64Var(&c.from, "from", 1, "the first seed")
	flags.IntVar(&c.jobs, "jobs", runtime.NumCPU(), "worlds at a time")
	flags.BoolVar(&c.twice, "twice", false, "run each seed twice, and compare the hashes")
	flags.BoolVar(&c.stop, "stop", false, "stop at the first failure")
	flags.DurationVar(&c.cpu, "cpu", 0, "begin no more worlds after so much processor time; zero: no limit")
	flags.StringVar(&c.json, "json", "", "write the summary to this file as JSON; - is standard output")
	return command
}

func (c *campaign) run() error {
	summary := newSummary(c)
	line := newProgress(c.seeds)
	for report := range c.reports() {
		summary.add(report)
		if report.failed() {
			line.clear()
			summary.printFailure(os.Stdout, report)
		}
		line.show(summary)
	}
	line.clear()
	summary.close()
	if c.json != "-" {
		summary.print(os.Stdout)
	}
	if c.json != "" {
		if err := summary.writeJSON(c.json); err != nil {
			return harnessError{err}
		}
	}
	if code := summary.code(); code != exitPass {
		return exit(code)
	}
	return nil
}

// outcome is a seed's report, and whether running it again gave another.
type outcome struct {
	sim.Report
	differs bool
}

func (o outcome) failed() bool { return o.Verdict != sim.Pass || o.differs }

// reports runs the worlds, a few at a time, and gives their outcomes as they come.
func (c *campaign) reports() <-chan outcome {
	outcomes, seeds, enough := make(chan outcome), make(chan uint64), make(chan struct{})
	var once sync.Once
	var workers sync.WaitGroup
	for range c.jobs {
		workers.Go(func() {
			for seed := range seeds {
				o := c.outcome(seed)
				if c.stop && o.failed() {
					once.Do(func() { close(enough) })
				}
				outcomes <- o
			}
		})
	}
	go func() {
		c.handOut(seeds, enough)
		workers.Wait()
		close(outcomes)
	}()
	return outcomes
}

func (c *campaign) handOut(seeds chan<- uint64, enough <-chan struct{}) {
	defer close(seeds)
	for i := range c.seeds {
		if c.cpu > 0 && processorTime() > c.cpu {
			return
		}
		select {
		case seeds <- c.from + i:
		case <-enough:
			return
		}
	}
}

func (c *campaign) outcome(seed uint64) outcome {
	o := outcome{Report: sim.Run(c.world(seed))}
	if c.twice {
		again := sim.Run(c.world(seed))
		o.differs = again.Hash != o.Hash || again.Events != o.Events || again.Verdict != o.Verdict
	}
	return o
}
