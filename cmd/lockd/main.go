package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// run is the whole program but its ending.
func run(arguments, environment []string, out, errors io.Writer) int {
	root := newRoot(environment)
	root.SetArgs(arguments)
	root.SetOut(out)
	root.SetErr(errors)
	err := root.Execute()
	code := exitCode(err)
	if _, quiet := err.(quietExit); err != nil && !quiet {
		fmt.Fprintln(errors, "lockd: "+sentence(err))
	}
	return code
}

func newRoot(environment []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "lockd",
		Short: "A lock service whose grants carry fencing tokens",
		Long: `A lock service whose grants carry fencing tokens: numbers that only rise, which the owner
of a resource compares before it lets a holder touch the resource.

To try it: lockd dev starts three nodes, and lockd lock demo -- COMMAND runs a command under a lock.

Each setting is a flag (--peer-listen), a variable (LOCKD_PEER_LISTEN) or a key (peer-listen) of the YAML
file that --config names. A flag wins over a variable, a variable over the file.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          refuseUnknownCommand,
		PersistentPreRunE: func(command *cobra.Command, _ []string) error {
			return applySettings(command, environment)
		},
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(explainFlag)
	root.PersistentFlags().String(configSetting, "", "YAML `file` with settings")
	root.AddCommand(
		newDev(), newServe(), newLock(environment),
		newAcquire(), newRelease(), newRenew(), newCheck(),
		newShow(), newList(), newSessions(), newStatus(), newTransferLeader(), newMember(), newSnapshot(), newRecover(),
		newVersion(), newExitCodes(),
	)
	return root
}

func refuseUnknownCommand(command *cobra.Command, arguments []string) error {
	if len(arguments) == 0 {
		return nil
	}
	var names []string
	for _, child := range command.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return usageError("there is no command %q%s; lockd help lists them", arguments[0], meant("", arguments[0], names))
}

// explainFlag makes what pflag says about a wrong flag ours.
func explainFlag(command *cobra.Command, err error) error {
	if unknown, is := errors.AsType[*pflag.NotExistError](err); is && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		command.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
		name := unknown.GetSpecifiedName()
		return usageError("%s has no flag --%s%s", command.CommandPath(), name, meant("--", name, names))
	}
	return usageError("%s: %w", command.CommandPath(), err)
}

// takes is a check of a command's arguments by their names; those in brackets may be left out.
func takes(names ...string) cobra.PositionalArgs {
	return func(command *cobra.Command, arguments []string) error {
		if len(arguments) > len(names) {
			return usageError("%s: %q is one argument too many", command.CommandPath(), arguments[len(names)])
		}
		for _, name := range names[len(arguments):] {
			if !strings.HasPrefix(name, "[") {
				return usageError("%s: %s is missing; the form is: %s", command.CommandPath(), name, command.UseLine())
			}
		}
		return nil
	}
}

// newGroup is a command that only has commands.
func newGroup(name, short string, children ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use: name, Short: short, Args: refuseUnknownCommand,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	group.AddCommand(children...)
	return group
}

// newExitCodes is a topic of lockd help: a command that can't be run.
func newExitCodes() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp}
}
