package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"lockd/bench/report"
	"lockd/bench/service"
)

// options are what a benchmark is told.
type options struct {
	rounds    int
	duration  time.Duration
	limit     time.Duration
	subjects  names
	workloads names
	most      int
	json      string
	scratch   string
	command   string // what was told that has a bearing on the figures
}

// menu is what a benchmark lets its user choose from. No subjects: there is one only, and --only chooses workloads.
type menu struct{ subjects, workloads []string }

// names are some of those on a menu, all of them if none is chosen.
type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

func (n *names) Set(list string) error {
	*n = strings.Split(list, ",")
	return nil
}

func (n names) has(name string) bool {
	return len(n) == 0 || slices.ContainsFunc(n, func(one string) bool { return strings.EqualFold(one, name) })
}

// on returns an error unless all are on the menu.
func (n names) on(menu []string) error {
	for _, one := range n {
		if !names(menu).has(one) {
			return fmt.Errorf("there is no %q: there are %s", one, strings.Join(menu, ", "))
		}
	}
	return nil
}

func parse(name string, menu menu, arguments []string) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 3, "how many times everything is measured")
	flags.DurationVar(&o.duration, "time", 3*time.Second, "how long a load is measured, in one round")
	flags.DurationVar(&o.limit, "limit", 90*time.Minute, "what is not measured by then is left out")
	flags.StringVar(&o.json, "json", "", "write all figures to this `file`")
	flags.StringVar(&o.scratch, "scratch", os.TempDir(), "`directory` on a real disk for data, which is removed at the end")
	if len(menu.subjects) > 0 {
		flags.Var(&o.subjects, "only", "measure only these, `names` with commas, of "+strings.Join(menu.subjects, ", "))
		flags.Var(&o.workloads, "workloads", "run only these, `names` with commas, of "+strings.Join(menu.workloads, ", "))
	} else {
		flags.Var(&o.workloads, "only", "run only these, `names` with commas, of "+strings.Join(menu.workloads, ", "))
		flags.IntVar(&o.most, "most", 10_000_000, "leave out greater cases than this `number`")
	}
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	o.command = "go run . " + name
	flags.Visit(func(f *flag.Flag) {
		if f.Name != "json" && f.Name != "scratch" {
			o.command += fmt.Sprintf(" --%s %s", f.Name, f.Value)
		}
	})
	return o, errors.Join(o.check(menu), unasked(flags))
}

func (o *options) check(menu menu) error {
	switch {
	case o.rounds < 1:
		return fmt.Errorf("--rounds %d: nothing would be measured", o.rounds)
	case o.duration <= 0:
		return fmt.Errorf("--time %v: nothing would be measured", o.duration)
	}
	return errors.Join(o.subjects.on(menu.subjects), o.workloads.on(menu.workloads))
}

func unasked(flags *flag.FlagSet) error {
	if flags.NArg() > 0 {
		return fmt.Errorf("nothing is known about %q: names are given with --only", flags.Args())
	}
	return nil
}

// folder makes a directory for data. Call remove at the end.
func (o *options) folder() (path string, remove func(), err error) {
	const tmpfs = 0x01021994
	var system syscall.Statfs_t
	if err := syscall.Statfs(o.scratch, &system); err != nil {
		return "", nil, fmt.Errorf("%s: %w", o.scratch, err)
	}
	if system.Type == tmpfs {
		return "", nil, fmt.Errorf("%s is in memory, where a sync costs nothing: name a directory on a disk with --scratch", o.scratch)
	}
	path, err = os.MkdirTemp(o.scratch, "lockd-bench-")
	return path, func() { _ = os.RemoveAll(path) }, err
}

// newReport begins one.
func (o *options) newReport(ctx context.Context, name, title string) (*report.Report, error) {
	module, err := service.FindModule(ctx, "lockd")
	if err != nil {
		return nil, err
	}
	return &report.Report{
		Name: name, Title: title, Command: o.command,
		Began: time.Now().UTC().Truncate(time.Second), Machine: report.ThisMachine(), Commit: report.CommitOf(module.Directory),
	}, nil
}
