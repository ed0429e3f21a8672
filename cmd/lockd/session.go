package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"lockd/client"
	"lockd/lockfsm"
	"lockd/server"
)

type sessionRow struct {
	Session number `json:"session"`
	Owner   string `json:"owner"`
	TTL     length `json:"ttl"`
	Left    length `json:"left"`
	Held    int    `json:"held"`
	Waiting int    `json:"waiting"`
}

func newSessions() *cobra.Command {
	command := &cobra.Command{Use: "sessions", Short: "List the sessions that live", Args: takes()}
	printer, reach := newPrinter(command), newReach(command)
	command.RunE = func(*cobra.Command, []string) error {
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			sessions, err := readSessions(ctx, reached)
			if err != nil {
				return err
			}
			return printer.printSessions(sessions)
		})
	}
	return command
}

func (p *printer) printSessions(sessions []sessionRow) error {
	return p.print(map[string][]sessionRow{"sessions": sessions}, func(table io.Writer) {
		row(table, "SESSION", "TTL", "LEFT", "HELD", "WAITING", "OWNER")
		for _, s := range sessions {
			row(table, s.Session, s.TTL, s.Left, s.Held, s.Waiting, dash(s.Owner))
		}
	})
}

func readSessions(ctx context.Context, reached *client.Client) ([]sessionRow, error) {
	sessions := []sessionRow{}
	var after lockfsm.SessionID
	for {
		page, err := reached.Sessions(ctx, server.Sessions{After: after, Limit: pageSize})
		if err != nil {
			return nil, err
		}
		for _, view := range page.Sessions {
			after = view.Session
			sessions = append(sessions, sessionRow{
				Session: number(view.Session), Owner: view.Owner, TTL: length(view.TTL), Left: length(view.Left),
				Held: view.Held, Waiting: view.Waiting,
			})
		}
		if !page.More || len(page.Sessions) == 0 {
			return sessions, nil
		}
	}
}
