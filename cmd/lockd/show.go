package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"lockd/client"
	"lockd/lockfsm"
	"lockd/server"
)

// pageSize is how many rows are asked for at once.
const pageSize = 500

type lockRow struct {
	Name    string `json:"name"`
	Token   number `json:"token"`
	Session number `json:"session"`
	Owner   string `json:"owner"`
	Value   string `json:"value"`
	Left    length `json:"left"`
	Waiters int    `json:"waiters"`
}

type waiterRow struct {
	Place   number `json:"place"`
	Session number `json:"session"`
	Owner   string `json:"owner"`
}

type shownLock struct {
	lockRow
	Queue []waiterRow `json:"queue"`
}

func lockOf(view lockfsm.LockView) lockRow {
	return lockRow{
		Name: view.Name, Token: number(view.Token), Session: number(view.Session), Owner: view.Owner,
		Value: string(view.Value), Left: length(view.Left), Waiters: view.Waiters,
	}
}

func newShow() *cobra.Command {
	command := &cobra.Command{
		Use: "show NAME", Short: "Show a lock's holder and its queue", Args: takes("NAME"),
		Long: "Show a lock's holder, its token, what is left of its session, and everybody who waits, in the order in which they will be served.",
	}
	printer, reach := newPrinter(command), newReach(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			shown, err := readLock(ctx, reached, arguments[0])
			if err != nil {
				return err
			}
			return printer.print(shown, shown.text)
		})
	}
	return command
}

// readLock reads a queue page by page. Who leaves it or joins it meanwhile may be shown or not.
func readLock(ctx context.Context, reached *client.Client, name string) (shownLock, error) {
	shown := shownLock{Queue: []waiterRow{}}
	var after lockfsm.Place
	for first := true; ; first = false {
		page, err := reached.Show(ctx, server.Show{Name: name, After: after, Limit: pageSize})
		if err != nil {
			return shown, err
		}
		if first {
			shown.lockRow = lockOf(page.Lock)
		}
		for _, waiter := range page.Waiters {
			shown.Queue = append(shown.Queue, waiterRow{Place: number(waiter.Place), Session: number(waiter.Session), Owner: waiter.Owner})
			after = waiter.Place
		}
		if len(page.Waiters) == 0 || len(shown.Queue) >= page.Lock.Waiters {
			return shown, nil
		}
	}
}

func (s shownLock) text(table io.Writer) {
	row(table, "lock", s.Name)
	if s.Token == 0 {
		row(table, "holder", "nobody")
		return
	}
	row(table, "holder", dash(s.Owner))
	row(table, "session", s.Session)
	row(table, "token", s.Token)
	row(table, "left", s.Left)
	if s.Value != "" {
		row(table, "value", printable(s.Value))
	}
	row(table, "waiters", len(s.Queue))
	for i, waiter := range s.Queue {
		if i == 0 {
			row(table)
			row(table, "#", "SESSION", "OWNER")
		}
		row(table, i+1, waiter.Session, dash(waiter.Owner))
	}
}
