package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"lockd/daemon"
	"lockd/lockfsm"
	"lockd/wal"
)

const successionHelp = `The new cluster has an identity of its own and knows no sessions and no holders; everybody who held or waited starts anew. Its
tokens are higher than any that the old cluster granted, whatever %s knows of that, so resources that compare tokens refuse the old
holders. --into is made, with a directory for each member of --members, to be moved to that member's machine, and started there with
lockd serve, once.

Without --confirm this only says what would be done, and what will be lost. End the other members of the old cluster first and for good: those that
are left may be a majority, and would serve whoever still asks them.

If the old cluster was recovered before, from something else than %s, then --above must name the highest token that a resource has
seen since, or the one above which that recovery began; nothing here can tell. Else the new tokens are different ones, but not certainly the higher ones.`

func newRecover() *cobra.Command {
	const what = "this directory"
	return newSuccession(&cobra.Command{
		Use: "recover DIRECTORY", Short: "Begin a new cluster where a majority is lost for good", Args: takes("DIRECTORY"),
		Long: `Begin a new cluster from one data directory of an old one, most of whose members are lost for good. No node may run on the directory. It is
kept, but for a mark: lockd serve refuses it from then on.

` + fmt.Sprintf(successionHelp, what, what),
	}, daemon.ExamineDirectory)
}

func newSnapshotRestore() *cobra.Command {
	const what = "this file"
	return newSuccession(&cobra.Command{
		Use: "restore FILE", Short: "Begin a new cluster from a saved snapshot", Args: takes("FILE"),
		Long: "Begin a new cluster where an old one is lost for good, of which lockd snapshot save has written FILE.\n\n" + fmt.Sprintf(successionHelp, what, what),
	}, daemon.ExamineSnapshot)
}

// succession is how a command is told of the new cluster.
type succession struct {
	members memberNumbers
	into    string
	above   uint64
	confirm string
}

func newSuccession(command *cobra.Command, examine func(path string) (*daemon.Remains, error)) *cobra.Command {
	var s succession
	flags := command.Flags()
	flags.Var(&s.members, "members", "the members of the new cluster, as in 1,2,3")
	flags.StringVar(&s.into, "into", "", "`directory` to make, with one for each member")
	flags.Uint64Var(&s.above, "above", 0, "a `token` of another recovery of the old cluster, if there was one")
	flags.StringVar(&s.confirm, "confirm", "", "the `identity` of what is given up, as it is told without this flag")
	printer := newPrinter(command)
	command.RunE = func(_ *cobra.Command, arguments []string) (err error) {
		if len(s.members) == 0 || s.into == "" {
			return usageError("--members and --into are needed: the numbers of the new cluster's members, and where to make their directories")
		}
		remains, err := examine(arguments[0])
		if err != nil {
			return explainRemains(err)
		}
		defer func() { err = errors.Join(err, remains.Close()) }()
		return s.carryOut(printer, describeRemains(arguments[0], remains), remains)
	}
	return command
}

func (s *succession) carryOut(printer *printer, told told, remains *daemon.Remains) error {
	if s.confirm != "" && s.confirm != told.Identity {
		return usageError("--confirm: this is %s, not %q", told.Identity, s.confirm)
	}
	recovery := daemon.Recovery{Members: s.members, Directory: s.into, Above: lockfsm.Token(s.above)}
	if err := remains.Check(recovery); err != nil {
		return err
	}
	if s.confirm == "" {
		if err := printer.print(told, told.text); err != nil {
			return err
		}
		return usageError("nothing was done; to do it: --confirm %s", told.Identity)
	}
	recovered, err := remains.Recover(recovery)
	if err != nil {
		return err
	}
	told.New = describeRecovered(recovered)
	return printer.print(told, told.text)
}

func explainRemains(err error) error {
	switch {
	case errors.Is(err, wal.ErrInUse):
		return fail(exitSystem, "%w: a node runs on it; a cluster that still runs is not recovered", err)
	case errors.Is(err, wal.ErrUnformed):
		return fail(exitSystem, "%w: there is nothing in it to recover", err)
	case errors.Is(err, lockfsm.ErrInvariant), errors.Is(err, lockfsm.ErrTruncated), errors.Is(err, lockfsm.ErrTrailing):
		return fail(exitSystem, "%w: is it what lockd snapshot save has written, and all of it?", err)
	}
	return err
}

// told is what a recovery has found, and what it has made. The numbers that it counts are of what will be lost.
type told struct {
	From      string   `json:"from"`
	Identity  string   `json:"identity"` // of the cluster, or of the saved snapshot
	Member    number   `json:"member"`   // zero: a saved snapshot
	Index     number   `json:"index"`
	Damage    []string `json:"damage"`
	Sessions  int      `json:"sessions"`
	Locks     int      `json:"locks"`
	Waiters   int      `json:"waiters"`
	Token     number   `json:"lastToken"`
	Successor string   `json:"earlierSuccessor,omitempty"` // recovered from the same directory
	New       *made    `json:"new,omitempty"`
}

type made struct {
	Cluster     string   `json:"cluster"`
	Above       number   `json:"above"` // all tokens are
	Directories []string `json:"directories"`
}

func describeRemains(from string, remains *daemon.Remains) told {
	counts := remains.Machine.Counts()
	about := told{
		From: from, Identity: remains.Name, Member: number(remains.Member), Index: number(remains.Machine.Revision()),
		Damage: []string{}, Sessions: counts.Sessions, Locks: counts.Locks, Waiters: counts.Waiters, Token: number(remains.Machine.Last()),
	}
	for _, damage := range remains.Damage {
		about.Damage = append(about.Damage, damage.Error())
	}
	if remains.Successor != (wal.Successor{}) {
		about.Successor = remains.Successor.Cluster.String()
	}
	return about
}

func describeRecovered(recovered daemon.Recovered) *made {
	m := &made{Cluster: recovered.Cluster.String(), Above: number(recovered.Epoch)}
	for _, directory := range recovered.Directories {
		m.Directories = append(m.Directories, directory)
	}
	slices.Sort(m.Directories)
	return m
}

func (t told) text(out io.Writer) {
	if t.Member == 0 {
		fmt.Fprintf(out, "%s is a saved snapshot (%s), as of entry %d.\n", t.From, t.Identity, t.Index)
	} else {
		fmt.Fprintf(out, "%s is member %d's of the cluster %s, and can be read up to entry %d.\n", t.From, t.Member, t.Identity, t.Index)
	}
	for _, damage := range t.Damage {
		fmt.Fprintf(out, "Not all of it can be read: %s.\n", damage)
	}
	if t.Successor != "" {
		fmt.Fprintf(out, "It was recovered before, as the cluster %s.\n", t.Successor)
	}
	if t.New == nil {
		fmt.Fprintf(out, `WILL BE LOST: %s, and everything that was decided after that entry.
The new cluster's tokens will be above all of the old one's, the last of which is %d, as far as this tells.
If the old cluster was ever recovered from anything else, give --above a token of that.
`, t.losses(), t.Token)
		return
	}
	fmt.Fprintf(out, `Lost: %s, and everything that was decided after that entry.
The new cluster is %s. Its tokens are above %d.
Move each directory to its member's machine, and start it there, once:
`, t.losses(), t.New.Cluster, t.New.Above)
	for _, directory := range t.New.Directories {
		fmt.Fprintf(out, "  %s\n", directory)
	}
}

func (t told) losses() string {
	return fmt.Sprintf("%s, %s, %s", counted(t.Sessions, "session"), counted(t.Locks, "held lock"), counted(t.Waiters, "waiter"))
}
