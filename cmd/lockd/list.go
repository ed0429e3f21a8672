package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"lockd/client"
	"lockd/server"
)

func newList() *cobra.Command {
	command := &cobra.Command{Use: "list [PREFIX]", Short: "List the locks that are held", Args: takes("[PREFIX]")}
	printer, reach := newPrinter(command), newReach(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		prefix := ""
		if len(arguments) == 1 {
			prefix = arguments[0]
		}
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			locks, err := readLocks(ctx, reached, prefix)
			if err != nil {
				return err
			}
			return printer.printLocks(locks)
		})
	}
	return command
}

func (p *printer) printLocks(locks []lockRow) error {
	return p.print(map[string][]lockRow{"locks": locks}, func(table io.Writer) {
		row(table, "NAME", "TOKEN", "SESSION", "LEFT", "WAITERS", "OWNER", "VALUE")
		for _, l := range locks {
			row(table, l.Name, l.Token, l.Session, l.Left, l.Waiters, dash(l.Owner), dash(printable(l.Value)))
		}
	})
}

func readLocks(ctx context.Context, reached *client.Client, prefix string) ([]lockRow, error) {
	locks, after := []lockRow{}, ""
	for {
		page, err := reached.List(ctx, server.List{Prefix: prefix, After: after, Limit: pageSize})
		if err != nil {
			return nil, err
		}
		for _, view := range page.Locks {
			locks, after = append(locks, lockOf(view)), view.Name
		}
		if !page.More || len(page.Locks) == 0 {
			return locks, nil
		}
	}
}
