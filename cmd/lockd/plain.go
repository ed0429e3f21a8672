package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lockd/client"
)

// seeking is how a command asks for a lock.
type seeking struct {
	nonblock *bool
	wait     patience
	ttl      *span
	value    *string
}

func newSeeking(command *cobra.Command, ttl time.Duration) *seeking {
	flags := command.Flags()
	s := &seeking{
		nonblock: flags.BoolP("nonblock", "n", false, "do not wait for another holder; stronger than --wait"),
		wait:     patience(client.Forever),
		ttl:      spanFlag(flags, "ttl", ttl, "how long the lock lasts without a renewal, from 1s to 24h"),
		value:    flags.String("value", "", "text shown with the lock while it is held"),
	}
	flags.VarP(&s.wait, "wait", "w", "how long to wait for another holder, decimals allowed")
	return s
}

func (s *seeking) patience() time.Duration {
	if *s.nonblock {
		return 0
	}
	return time.Duration(s.wait)
}

type acquired struct {
	Name    string `json:"name"`
	Token   number `json:"token"`
	Session number `json:"session"`
	TTL     length `json:"ttl"`
}

func newAcquire() *cobra.Command {
	command := &cobra.Command{
		Use:   "acquire NAME",
		Short: "Acquire a lock that lasts for its TTL",
		Long: `Acquire a lock in a session of its own, which nobody has to renew: the lock ends with release, or when its
TTL has passed since this command ended. lockd renew SESSION gives it its full TTL again.
While the command waits for another holder it keeps its session alive.`,
		Args: takes("NAME"),
	}
	printer, reach, seeking := newPrinter(command), newReach(command), newSeeking(command, 30*time.Second)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		grant, err := grab(reach, seeking, arguments[0])
		if err != nil {
			return err
		}
		a := acquired{Name: grant.Name, Token: number(grant.Token), Session: number(grant.Session), TTL: length(*seeking.ttl)}
		return printer.print(a, a.text)
	}
	return command
}

func (a acquired) text(table io.Writer) {
	row(table, "token", a.Token)
	row(table, "session", a.Session)
	row(table, "ttl", a.TTL)
}

// grab gives a wait without end only to the queue: servers that can't be reached, or can't take anything on, end the command after the timeout.
func grab(reach *reach, seeking *seeking, name string) (client.Grant, error) {
	reached, err := reach.dial()
	if err != nil {
		return client.Grant{}, err
	}
	defer reached.Close()
	session, mutex, err := takeLock(reach, seeking, reached, name)
	if err != nil {
		return client.Grant{}, err
	}
	grant := client.Grant{Name: name, Token: mutex.Token(), Session: session.ID()}
	ctx, cancel := reach.within(context.Background())
	defer cancel()
	if err := session.Orphan(ctx); err != nil {
		_ = closeSession(session) // else it ends with its TTL
		return client.Grant{}, explainWait(err)
	}
	return grant, nil
}

func newRelease() *cobra.Command {
	command := &cobra.Command{
		Use: "release NAME TOKEN", Short: "Give a lock back, by its token",
		Long: "Give a lock back, whoever holds it, if the token is its current one. Else nothing changes.",
		Args: takes("NAME", "TOKEN"),
	}
	reach := newReach(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		token, err := parseNumber("TOKEN", arguments[1])
		if err != nil {
			return err
		}
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			return reached.Release(ctx, arguments[0], token)
		})
	}
	return command
}

func newRenew() *cobra.Command {
	command := &cobra.Command{Use: "renew SESSION", Short: "Give a session its full TTL again", Args: takes("SESSION")}
	reach := newReach(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		session, err := parseNumber("SESSION", arguments[0])
		if err != nil {
			return err
		}
		return reach.ask(func(ctx context.Context, reached *client.Client) error { return reached.Renew(ctx, session) })
	}
	return command
}

type checked struct {
	Name    string `json:"name"`
	Token   number `json:"token"`
	Valid   bool   `json:"valid"`
	Current number `json:"currentToken"`
}

func newCheck() *cobra.Command {
	command := &cobra.Command{
		Use: "check NAME TOKEN", Short: "Ask whether a token is the lock's current one",
		Long: "Ask whether a token is the lock's current one. The exit code is 0 if it is, and 1 if it is not.",
		Args: takes("NAME", "TOKEN"),
	}
	printer, reach := newPrinter(command), newReach(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		token, err := parseNumber("TOKEN", arguments[1])
		if err != nil {
			return err
		}
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			answer, err := reached.Check(ctx, arguments[0], token)
			if err != nil {
				return err
			}
			return printer.printChecked(checked{
				Name: arguments[0], Token: number(token), Valid: answer.Valid, Current: number(answer.Current),
			})
		})
	}
	return command
}

func (p *printer) printChecked(c checked) error {
	err := p.print(c, func(table io.Writer) {
		switch {
		case c.Valid:
			row(table, "valid")
		case c.Current == 0:
			row(table, "not valid: the lock is free")
		default:
			fmt.Fprintf(table, "not valid: the current token is %d\n", c.Current)
		}
	})
	if err == nil && !c.Valid {
		return quietExit(exitNo)
	}
	return err
}
