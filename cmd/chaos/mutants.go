package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

// matrix is one `chaos mutants`: a hunt for each mutant.
type matrix struct {
	folder, only string
	from         uint64
	bases, jobs  int
	budget       time.Duration
	shrink       bool
	markdown     string
	pace         string
}

func mutantsCommand() *cobra.Command {
	var x matrix
	command := &cobra.Command{
		Use:   "mutants",
		Short: "Put known bugs into the service, one at a time, and show that they are found",
		Long: `Put known bugs into the service, one at a time, and show that they are found.

Each bug is a patch, which says why the bug is plausible and which judges may find it. This program is built with the patch in it (and
never from changed sources), and runs worlds until one fails. A bug that half of the base seeds or more do not find within their processor
time, or that a judge finds which its patch does not name, has escaped: the exit code is 4.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			switch {
			case x.bases < 1 || x.jobs < 1 || x.budget <= 0:
				return fmt.Errorf("--bases and --jobs are at least 1, --cpu is more than zero")
			case x.pace != "" && x.bases != 1:
				return fmt.Errorf("--pace compares one search for each mutant, and --bases is %d", x.bases)
			}
			return x.run(command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&x.folder, "dir", "mutants", "folder with the patches")
	flags.StringVar(&x.only, "only", "", "only the patches of these names, with commas between; wal-* is a pattern")
	flags.Uint64Var(&x.from, "from", 1, "the first base seed; the others are far from it")
	flags.IntVar(&x.bases, "bases", 1, "from how many base seeds to look for each; the table tells the median")
	flags.DurationVar(&x.budget, "cpu", time.Minute, "processor time for each mutant and base seed")
	flags.IntVar(&x.jobs, "jobs", runtime.NumCPU(), "mutants at a time")
	flags.BoolVar(&x.shrink, "shrink", false, "also shrink the schedule with which each was found")
	flags.StringVar(&x.markdown, "markdown", "", "write the table to this file; with --only, the other rows stay")
	flags.StringVar(&x.pace, "pace", "", "compare with this published table: that many more are late than chance allows is an escape")
	return command
}

func (x *matrix) run(out io.Writer) error {
	mutants, err := readMutants(x.folder, x.only)
	if err != nil {
		return err
	}
	var published table
	if x.pace != "" {
		if published, err = readTable(x.pace); err != nil {
			return err
		}
	}
	found, err := x.huntAll(mutants)
	if err != nil {
		return harnessError{err}
	}
	printPreys(out, found)
	gather(found).print(out, x.bases)
	if x.markdown != "" {
		if err := x.publish(found); err != nil {
			return harnessError{err}
		}
	}
	if err := x.conclude(out, found); err != nil || x.pace == "" {
		return err
	}
	var p pace
	p.measure(published, found)
	return p.conclude(out)
}

// huntAll hunts the mutants, a few at a time, and returns what became of them in their order.
func (x *matrix) huntAll(mutants []mutant) ([]prey, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "chaos-mutants-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	found, next := make([]prey, len(mutants)), make(chan int)
	var workers sync.WaitGroup
	for range x.jobs {
		workers.Go(func() {
			for i := range next {
				m := mutants[i]
				h := hunt{mutant: m, root: root, scratch: filepath.Join(scratch, m.name), from: x.from, bases: x.bases, shrink: x.shrink, budget: x.budget}
				found[i] = h.run()
				fmt.Fprintln(os.Stderr, found[i].sentence())
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	workers.Wait()
	return found, nil
}

func (x *matrix) conclude(out io.Writer, found []prey) error {
	escaped, failed := 0, 0
	for _, p := range found {
		switch {
		case p.err != nil:
			failed++
		case !p.caught():
			escaped++
		}
	}
	if escaped > 0 {
		fmt.Fprintf(out, "%d of %d mutants were not caught: the world has a hole\n", escaped, len(found))
	}
	if failed > 0 {
		return harnessError{fmt.Errorf("%d of %d mutants could not be run", failed, len(found))}
	}
	if escaped > 0 {
		return exit(exitUnknown)
	}
	return nil
}
