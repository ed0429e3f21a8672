// Chaos runs the lock service in simulated worlds, one for each seed, and judges every run.
//
//	chaos run --seeds 1000       runs worlds, and says which judge fired in which
//	chaos replay --seed 17       the same run again, as a timeline
//	chaos shrink --seed 17       the fewest faults that still make the same judge fire, as a file that replay takes
//	chaos check FILE             judges a history that somebody recorded, of any lock service
//	chaos exhibit                shows the designs that do not work, breaking
//	chaos explore                every state that a few nodes can reach within bounds
//	chaos profiles               which sorts of worlds there are
//	chaos mutants                puts known bugs into the service, and shows that they are found
//	chaos cluster                torments real processes
//
// It exits with 0 when everything passed, 1 when safety was violated, 2 when something did not come about after the faults had
// stopped, 3 when one seed gave two different runs, 4 when nothing can be concluded, 64 when it was called wrongly, and 70 when
// it failed itself. docs/chaos.md is its manual.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func main() {
	// A world lives in a few megabytes and makes many more of garbage: by Go's own measure that is collected a hundred times a run.
	debug.SetGCPercent(400)
	os.Exit(execute(os.Args[1:]))
}

// rootCommand is chaos with all its commands.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "chaos",
		Short:         "Runs the lock service in simulated worlds, and judges every run",
		Long:          "Runs the lock service in simulated worlds, and judges every run.\n\n" + exitCodes,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(runCommand(), replayCommand(), shrinkCommand(), profilesCommand(), mutantsCommand(), checkCommand(), exhibitCommand(), exploreCommand(), clusterCommand())
	return root
}

// execute runs the command line and returns the exit code.
func execute(arguments []string) int {
	root := rootCommand()
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
