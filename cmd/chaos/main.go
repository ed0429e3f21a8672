// Chaos runs the lock service in simulated worlds, one for each seed, and judges every run.
//
//	chaos run --seeds 1000       runs worlds, and says which judge fired in which
//	chaos replay --seed 17       the same run again, as a timeline
//	chaos mutants                puts known bugs into the service, and shows that they are found
//	chaos cluster                torments real processes
//
// It exits with 0 when everything passed, 1 when safety was violated, 2 when something did not come about after the faults had
// stopped, 3 when one seed gave two different runs, 4 when nothing can be concluded, 64 when it was called wrongly, and 70 when
// it failed itself.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// The exit codes. Scripts may rely on them.
const (
	exitPass             = 0
	exitUnsafe           = 1
	exitStuck            = 2
	exitNondeterministic = 3
	exitUnknown          = 4
	exitUsage            = 64
	exitHarness          = 70
)

// exit is an error that ends the program with a code. What there was to say has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func main() { os.Exit(execute(os.Args[1:])) }

// execute runs the command line and returns the exit code.
func execute(arguments []string) int {
	root := &cobra.Command{
		Use:           "chaos",
		Short:         "Runs the lock service in simulated worlds, and judges every run",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(runCommand(), replayCommand(), mutantsCommand(), clusterCommand())
	root.SetArgs(arguments)
	err := root.Execute()
	var code exit
	switch {
	case err == nil:
		return exitPass
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, errTrial):
		return exitUnsafe
	}
	fmt.Fprintln(os.Stderr, "chaos:", err)
	var broken harnessError
	if errors.As(err, &broken) {
		return exitHarness
	}
	return exitUsage
}

// harnessError is a failure of this program's own.
type harnessError struct{ error }

func (h harnessError) Unwrap() error { return h.error }
