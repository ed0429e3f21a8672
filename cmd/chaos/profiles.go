package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"lockd/sim"
)

func profilesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles",
		Short: "List the sorts of worlds, the default first",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			table := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "profile\tnodes\tclients\tduration\twhat it is")
			for _, p := range sim.Profiles() {
				fmt.Fprintf(table, "%s\t%d\t%d\t%v\t%s\n", p.Name, p.Members, p.Clients, p.Duration, p.Summary)
			}
			return table.Flush()
		},
	}
}
