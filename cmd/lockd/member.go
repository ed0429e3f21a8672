package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"lockd/client"
	"lockd/raft"
	"lockd/server"
)

func newMember() *cobra.Command {
	group := newGroup("member", "See and change who belongs to the cluster", newMemberList(), newMemberAdd(), newMemberPromote(), newMemberRemove())
	group.Long = `See and change who belongs to the cluster. One change at a time: while one is under way, the next waits for it.

To replace a machine that is gone for good, here number 3 by number 4:

  on the new machine:   lockd serve --id 4 --join ...          it logs the next command
  from anywhere:        lockd member add 4=10.0.0.4:7401 --incarnation 8c1f03a2b6d94e57
  until 4 is a voter:   lockd member list
  at last:              lockd member remove 3`
	return group
}

// memberRow is one member as the leader sees it.
type memberRow struct {
	Member      number  `json:"member"`
	State       string  `json:"state"`
	Address     string  `json:"address,omitempty"` // empty: the configuration of the founders says it
	Incarnation string  `json:"incarnation"`
	Heard       bool    `json:"heard"`
	Lag         *number `json:"lag,omitempty"`
	Supports    int     `json:"supports,omitempty"` // the latest version that its program can read; zero: it has not said it to this leader
}

type memberList struct {
	Leader  number      `json:"leader"`
	Members []memberRow `json:"members"`
}

func newMemberList() *cobra.Command {
	command := &cobra.Command{
		Use: "list", Short: "List the members as the leader sees them", Args: takes(),
		Long: `List the members as the leader sees them. A learner gets the log and does not vote yet: it is promoted when it has caught up. One that
is too slow stays a learner. A member that is leaving still counts until the change is done. The exit code is 69 if no leader is found.`,
	}
	printer, reach := newPrinter(command), newReach(command)
	command.RunE = func(*cobra.Command, []string) error {
		return reach.ask(func(ctx context.Context, reached *client.Client) error {
			leader, found := leaderOf(inspectAll(ctx, reached))
			if !found {
				return fail(exitUnavailable, "none of %s says that it leads", strings.Join(reached.Endpoints(), ", "))
			}
			list := listMembers(leader)
			return printer.print(list, list.text)
		})
	}
	return command
}

// leaderOf believes the leader of the highest term.
func leaderOf(inspections []inspection) (leader server.Inspected, found bool) {
	for _, i := range inspections {
		if i.err == nil && i.answer.Node.Role == raft.Leader && (!found || i.answer.Node.Term > leader.Node.Term) {
			leader, found = i.answer, true
		}
	}
	return leader, found
}

func listMembers(leader server.Inspected) memberList {
	list := memberList{Leader: number(leader.Node.ID)}
	m := leader.Node.Membership
	for _, member := range m.All() {
		r := memberRow{
			Member: number(member.ID), State: "voter", Address: member.Address, Incarnation: fmt.Sprintf("%016x", member.Incarnation),
			Heard: member.ID == leader.Node.ID,
		}
		if r.Heard {
			r.Supports = int(leader.Supports)
		}
		if at := slices.IndexFunc(leader.Members, func(p server.Progress) bool { return p.Member == member.ID }); at >= 0 {
			progress := leader.Members[at]
			lag := number(progress.Lag)
			r.Heard, r.Lag, r.Supports = progress.Active, &lag, int(progress.Supports)
			r.State = stateOf(progress)
		}
		if m.Joint() && !slices.Contains(m.Members, member) && !slices.Contains(m.Learners, member) {
			r.State = "leaving"
		}
		list.Members = append(list.Members, r)
	}
	return list
}

func stateOf(p server.Progress) string {
	switch {
	case p.Slow:
		return "learner, too slow"
	case p.Learner:
		return "learner"
	}
	return "voter"
}

func (l memberList) text(table io.Writer) {
	row(table, "MEMBER", "STATE", "HEARD", "LAG", "SUPPORTS", "ADDRESS", "INCARNATION")
	for _, m := range l.Members {
		heard, lag := "no", "-"
		if m.Heard {
			heard = "yes"
		}
		if m.Lag != nil {
			lag = fmt.Sprint(*m.Lag)
		}
		state := m.State
		if m.Member == l.Leader {
			state = "leader"
		}
		supports := "-"
		if m.Supports != 0 {
			supports = fmt.Sprint(m.Supports)
		}
		row(table, m.Member, state, heard, lag, supports, cmp.Or(m.Address, "-"), m.Incarnation)
	}
}

func newMemberAdd() *cobra.Command {
	command := &cobra.Command{
		Use: "add ID=HOST:PORT", Short: "Add a node as a learner, which votes when it has caught up", Args: takes("ID=HOST:PORT"),
		Long: `Add a node, which was started with --join, as a learner. It gets the log, and the leader makes it a voter when it has caught up.
HOST:PORT is where it listens for other members.`,
	}
	incarnation := command.Flags().String("incarnation", "", "`number` of the node's data directory, in hexadecimal: the node logs it")
	change := newMemberChange(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		id, address, found := strings.Cut(arguments[0], "=")
		number, err := parseNumber("ID", id)
		if !found || err != nil || number == 0 {
			return usageError("%q is not of the form ID=HOST:PORT", arguments[0])
		}
		if _, err := hostOf("the member's address", address); err != nil {
			return err
		}
		minted, err := strconv.ParseUint(*incarnation, 16, 64)
		if err != nil || minted == 0 {
			return usageError("--incarnation %q is no hexadecimal number: the node that is to be added logs it", *incarnation)
		}
		return change.make(raft.Change{Add: []raft.Member{{ID: raft.ID(number), Incarnation: minted, Address: address}}})
	}
	return command
}

func newMemberPromote() *cobra.Command {
	command := &cobra.Command{
		Use: "promote ID", Short: "Make a learner a voter at once", Args: takes("ID"),
		Long: "Make a learner a voter at once, for one that was too slow to be promoted. The cluster may have to wait for it.",
	}
	change := newMemberChange(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		id, err := parseNumber("ID", arguments[0])
		if err != nil {
			return err
		}
		return change.make(raft.Change{Promote: []raft.ID{raft.ID(id)}})
	}
	return command
}

func newMemberRemove() *cobra.Command {
	command := &cobra.Command{
		Use: "remove ID", Short: "Remove a voter or a learner", Args: takes("ID"),
		Long: "Remove a voter or a learner, whether it runs or not. A leader that is removed hands over. Its data directory is of no use any more.",
	}
	change := newMemberChange(command)
	command.RunE = func(_ *cobra.Command, arguments []string) error {
		id, err := parseNumber("ID", arguments[0])
		if err != nil {
			return err
		}
		return change.make(raft.Change{Remove: []raft.ID{raft.ID(id)}})
	}
	return command
}

// memberChange asks for one, and prints what came of it.
type memberChange struct {
	printer *printer
	reach   *reach
}

func newMemberChange(command *cobra.Command) memberChange {
	return memberChange{newPrinter(command), newReach(command)}
}

type changedMembers struct {
	Voters   []number `json:"voters"`
	Learners []number `json:"learners"`
}

func (c memberChange) make(wanted raft.Change) error {
	return c.reach.ask(func(ctx context.Context, reached *client.Client) error {
		changed, err := reached.ChangeMembers(ctx, server.ChangeMembers{Change: wanted})
		if err != nil {
			return err
		}
		done := changedMembers{Voters: []number{}, Learners: []number{}}
		for _, m := range changed.Membership.Members {
			done.Voters = append(done.Voters, number(m.ID))
		}
		for _, m := range changed.Membership.Learners {
			done.Learners = append(done.Learners, number(m.ID))
		}
		return c.printer.print(done, func(table io.Writer) {
			fmt.Fprintf(table, "voters: %v, learners: %v\n", done.Voters, done.Learners)
		})
	})
}
