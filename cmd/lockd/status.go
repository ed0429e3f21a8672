package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/status"

	"lockd/client"
	"lockd/raft"
	"lockd/server"
)

// statusPatience bounds how long one server is asked: those that are down must not hold up the news of the others.
const statusPatience = 2 * time.Second

// nodeRow is what the server at one endpoint said of itself, or why it did not.
type nodeRow struct {
	Endpoint string `json:"endpoint"`
	Error    string `json:"error,omitempty"`
	refused  bool   // it was reached, and says itself what is wrong
	Member   number `json:"member,omitempty"`
	Role     string `json:"role,omitempty"`
	Term     number `json:"term,omitempty"`
	Commit   number `json:"commit,omitempty"`
	Applied  number `json:"applied,omitempty"`
	// Lag is how many entries the leader has that this member has not stored yet; nil if no leader tells.
	Lag *number `json:"lag,omitempty"`
	// MissingFirst to MissingLast are the entries that the member can't read any more; zero: none.
	MissingFirst number `json:"missing_first,omitempty"`
	MissingLast  number `json:"missing_last,omitempty"`
	// Version is the one in force, as the member has applied it, and Supports the latest that its program can read.
	Version  int `json:"version,omitempty"`
	Supports int `json:"supports,omitempty"`
	// InDoubt says that the member has lost its last record, and abstains.
	InDoubt bool `json:"in_doubt,omitempty"`
}

type clusterStatus struct {
	Leader   number    `json:"leader"` // zero: nobody leads, as far as the reached servers know
	Term     number    `json:"term"`
	Members  int       `json:"members"`
	Sessions int       `json:"sessions"`
	Locks    int       `json:"locks"`
	Waiters  int       `json:"waiters"`
	Grants   number    `json:"grants"`
	Version  int       `json:"version"` // in force, as the leader has applied it
	Nodes    []nodeRow `json:"nodes"`
}

func newStatus() *cobra.Command {
	command := &cobra.Command{
		Use: "status", Short: "Show who leads, and how far each server is", Args: takes(),
		Long: `Show who leads, the terms, and how far each server at --endpoints is. One that does not answer is named
with the reason. The exit code is 69 if none leads.`,
	}
	printer, reach := newPrinter(command), newReach(command)
	command.RunE = func(*cobra.Command, []string) error {
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			found := summarize(reached.Endpoints(), inspectAll(ctx, reached))
			if err := printer.print(found, found.text); err != nil {
				return err
			}
			if found.Leader == 0 {
				return quietExit(exitUnavailable)
			}
			return nil
		})
	}
	return command
}

// inspection is one server's answer.
type inspection struct {
	answer server.Inspected
	err    error
}

func inspectAll(ctx context.Context, reached *client.Client) []inspection {
	ctx, cancel := context.WithTimeout(ctx, statusPatience)
	defer cancel()
	endpoints := reached.Endpoints()
	inspections := make([]inspection, len(endpoints))
	var asked sync.WaitGroup
	for i, endpoint := range endpoints {
		asked.Go(func() { inspections[i].answer, inspections[i].err = reached.Status(ctx, endpoint) })
	}
	asked.Wait()
	return inspections
}

// summarize believes the leader of the highest term: an old one may not have heard yet that it is deposed.
func summarize(endpoints []string, inspections []inspection) clusterStatus {
	found := clusterStatus{}
	lags := map[raft.ID]number{}
	for _, i := range inspections {
		node := i.answer.Node
		if i.err != nil || number(node.Term) < found.Term {
			continue
		}
		if number(node.Term) > found.Term {
			found.Term, found.Leader = number(node.Term), 0
		}
		if node.Role == raft.Leader {
			found.lead(i.answer, lags)
		}
	}
	for i, endpoint := range endpoints {
		found.Nodes = append(found.Nodes, nodeOf(endpoint, inspections[i], lags))
	}
	return found
}

func (s *clusterStatus) lead(leader server.Inspected, lags map[raft.ID]number) {
	s.Leader, s.Grants = number(leader.Node.ID), number(leader.Counts.Grants)
	s.Members, s.Sessions = len(leader.Node.Membership.Members), leader.Counts.Sessions
	s.Locks, s.Waiters = leader.Counts.Locks, leader.Counts.Waiters
	s.Version = int(leader.Version)
	clear(lags)
	lags[leader.Node.ID] = 0
	for _, member := range leader.Members {
		lags[member.Member] = number(member.Lag)
	}
}

func nodeOf(endpoint string, i inspection, lags map[raft.ID]number) nodeRow {
	if refused, is := errors.AsType[*client.RefusedError](i.err); is {
		return nodeRow{Endpoint: endpoint, Error: refused.Detail, refused: true}
	}
	if i.err != nil {
		return nodeRow{Endpoint: endpoint, Error: reason(i.err)}
	}
	node := i.answer.Node
	r := nodeRow{
		Endpoint: endpoint, Member: number(node.ID), Role: node.Role.String(), Term: number(node.Term),
		Commit: number(node.Commit), Applied: number(node.Applied),
		MissingFirst: number(node.Hole.First), MissingLast: number(node.Hole.Last), InDoubt: node.Doubt,
		Version: int(i.answer.Version), Supports: int(i.answer.Supports),
	}
	if lag, known := lags[node.ID]; known {
		r.Lag = &lag
	}
	return r
}

// reason leaves out of an error what the table says already.
func reason(err error) string {
	if rpc, is := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err); is {
		err = errors.New(rpc.GRPCStatus().Message())
	}
	if inTheClear(err) {
		return oneLine(err) + " (--tls?)"
	}
	return oneLine(err)
}

func (s clusterStatus) text(table io.Writer) {
	if s.Leader == 0 {
		row(table, "no leader is known")
	} else {
		fmt.Fprintf(table, "member %d leads in term %d; %s, %s, %s, %s, %s; version %d\n", s.Leader, s.Term,
			counted(s.Members, "member"), counted(s.Sessions, "session"), counted(s.Locks, "lock"), counted(s.Waiters, "waiter"),
			counted(s.Grants, "grant"), s.Version)
	}
	row(table)
	row(table, "ENDPOINT", "MEMBER", "ROLE", "TERM", "COMMIT", "APPLIED", "LAG", "VERSION", "SUPPORTS")
	for _, node := range s.Nodes {
		if node.Error != "" {
			trouble := "unreachable: " + node.Error
			if node.refused {
				trouble = node.Error
			}
			row(table, node.Endpoint, "-", trouble)
			continue
		}
		lag := "-"
		if node.Lag != nil {
			lag = fmt.Sprint(*node.Lag)
		}
		row(table, node.Endpoint, node.Member, node.Role, node.Term, node.Commit, node.Applied, lag, node.Version, node.Supports)
	}
	for _, node := range s.Nodes {
		switch {
		case node.InDoubt:
			row(table)
			row(table, fmt.Sprintf("member %d has lost its last record, and abstains until all voters have told it their terms: they all have to run, or be replaced", node.Member))
		case node.MissingFirst != 0:
			row(table)
			row(table, fmt.Sprintf("member %d can't read its log from entry %d on, up to %d at most, and needs what it had there from another member; if it never had so much, the next term ends this (lockd transfer-leader)", node.Member, node.MissingFirst, node.MissingLast))
		}
	}
}

func counted[N int | number](count N, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}

type transferred struct {
	Leader number `json:"leader"`
}

func newTransferLeader() *cobra.Command {
	command := &cobra.Command{
		Use: "transfer-leader [ID]", Short: "Hand leadership to another member", Args: takes("[ID]"),
		Long: "Hand leadership to the member ID, or to whichever is furthest, and print who leads then.",
	}
	printer, reach := newPrinter(command), newReach(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		var to uint64
		if len(arguments) == 1 {
			var err error
			if to, err = parseNumber("ID", arguments[0]); err != nil {
				return err
			}
		}
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			leader, err := reached.Transfer(ctx, to)
			if err != nil {
				return err
			}
			return printer.print(transferred{number(leader)}, func(table io.Writer) { fmt.Fprintf(table, "member %d leads\n", leader) })
		})
	}
	return command
}
