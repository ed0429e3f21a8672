package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"lockd/sim"
)

func replayCommand() *cobra.Command {
	var s shape
	var seed uint64
	var trace bool
	command := &cobra.Command{
		Use:   "replay",
		Short: "Run one seed again, and tell what happened in it",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := s.check(); err != nil {
				return err
			}
			return replay(s.world(seed), trace)
		},
	}
	s.flags(command.Flags())
	command.Flags().Uint64Var(&seed, "seed", 0, "which world")
	command.Flags().BoolVar(&trace, "trace", false, "tell the run as a timeline: who led, who held which lock with which token, what broke")
	if err := command.MarkFlagRequired("seed"); err != nil {
		panic(err)
	}
	return command
}

func replay(world sim.Config, trace bool) error {
	if trace {
		world.Tell = func(at time.Duration, sentence string) { fmt.Printf("%12.6f  %s\n", at.Seconds(), sentence) }
	}
	report := sim.Run(world)
	fmt.Printf("seed %d: %v, hash %016x, %d events, %d grants, %v simulated\n",
		report.Seed, report.Verdict, report.Hash, report.Events, report.Grants, report.Simulated)
	for f, count := range report.Faults {
		if count.Injected > 0 {
			fmt.Printf("    %v: injected %d, observed %d\n", sim.Fault(f), count.Injected, count.Observed)
		}
	}
	if report.Verdict == sim.Pass {
		return nil
	}
	fmt.Printf("%s: %s\n", report.Oracle, report.Message)
	return exit(verdictCode(report.Verdict))
}

func verdictCode(v sim.Verdict) int {
	return map[sim.Verdict]int{
		sim.Pass: exitPass, sim.Unsafe: exitUnsafe, sim.Stuck: exitStuck, sim.Vacuous: exitUnknown, sim.Broken: exitHarness,
	}[v]
}
