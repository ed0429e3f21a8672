package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"lockd/linearizability"
)

// enoughSteps is what porcupine may spend on one file, unless it is told otherwise: some seconds.
const enoughSteps = 20_000_000

func checkCommand() *cobra.Command {
	steps := enoughSteps
	command := &cobra.Command{
		Use:   "check FILE...",
		Short: "Judge recorded histories, of any lock service",
		Long: `Judges recorded histories: lines of JSON, as docs/history.md describes them, from the simulator, from a cluster, or from
any other lock service. A dash reads standard input.

It exits with 1 if a file breaks a rule, else with 64 if one can't be read, and else with 4 if one could not be decided, or shows no grant
at all. One that can't be read keeps the others from nothing.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			if steps < 1 {
				return fmt.Errorf("--steps is at least 1, not %d", steps)
			}
			if err := linearizability.Calibrate(); err != nil {
				return harnessError{err}
			}
			return checkFiles(command.OutOrStdout(), command.ErrOrStderr(), files, steps)
		},
	}
	command.Flags().IntVar(&steps, "steps", enoughSteps, "how many steps porcupine's search may take in one file")
	return command
}

// worstChecked are the codes of files, the one that matters most first. A file that can't be read takes nothing back from what was seen in
// another one.
var worstChecked = []int{exitUnsafe, exitUsage, exitUnknown}

// checkFiles judges files one by one, and gives the worst of their exit codes.
func checkFiles(out, complaints io.Writer, files []string, steps int) error {
	var codes []int
	for _, name := range files {
		history, err := readHistory(name)
		if err != nil {
			fmt.Fprintf(complaints, "chaos: %s: %v\n", name, err)
			codes = append(codes, exitUsage)
			continue
		}
		codes = append(codes, printCheck(out, name, history, linearizability.Judge(history, steps)))
	}
	for _, code := range worstChecked {
		if slices.Contains(codes, code) {
			return exit(code)
		}
	}
	return nil
}

func readHistory(name string) (*linearizability.History, error) {
	if name == "-" {
		return linearizability.Decode(os.Stdin)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return linearizability.Decode(file)
}

// printCheck tells what was found about a file, and gives its exit code.
func printCheck(out io.Writer, name string, history *linearizability.History, verdict linearizability.Verdict) int {
	grants := history.Grants()
	fmt.Fprintf(out, "%s: %v: %d operations, %d locks, %d grants, %d steps", name, verdict.Result, len(history.Operations), verdict.Keys, grants, verdict.Steps)
	if verdict.Skipped > 0 {
		fmt.Fprintf(out, ", %d locks left to the sweep alone", verdict.Skipped)
	}
	fmt.Fprintln(out)
	switch {
	case verdict.Result == linearizability.Fail:
		v := verdict.Violation
		fmt.Fprintf(out, "    %s: %s\n", v.Oracle, v.Message)
		return exitUnsafe
	case verdict.Result == linearizability.Undecided:
		fmt.Fprintf(out, "    undecided: the search ran out of steps; give it more with --steps\n")
		return exitUnknown
	case grants == 0:
		fmt.Fprintf(out, "    vacuous: no lock was granted, so this shows nothing\n")
		return exitUnknown
	}
	return exitPass
}
