package main

import (
	"context"
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

// options are what both benchmarks are told.
type options struct {
	rounds    int
	duration  time.Duration
	limit     time.Duration
	subjects  string
	workloads string
	json      string
	scratch   string
	command   string // what was told that has a bearing on the figures
}

func parse(name string, workloads []string, arguments []string) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 3, "how many times everything is measured")
	flags.DurationVar(&o.duration, "time", 3*time.Second, "how long a load is measured, in one round")
	flags.DurationVar(&o.limit, "limit", 30*time.Minute, "the run is given up after that")
	flags.StringVar(&o.subjects, "only", "", "measure only these, by `names` with commas (default all)")
	flags.StringVar(&o.workloads, "workloads", strings.Join(workloads, ","), "which `workloads` to run")
	flags.StringVar(&o.json, "json", "", "write all figures to this `file`")
	flags.StringVar(&o.scratch, "scratch", os.TempDir(), "`directory` on a real disk for data, which is removed at the end")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	o.command = "go run . " + name
	flags.Visit(func(f *flag.Flag) {
		if f.Name != "json" && f.Name != "scratch" {
			o.command += fmt.Sprintf(" --%s %s", f.Name, f.Value)
		}
	})
	for _, wanted := range split(o.workloads) {
		if !slices.Contains(workloads, wanted) {
			return nil, fmt.Errorf("there is no workload %q: there are %s", wanted, strings.Join(workloads, ", "))
		}
	}
	return o, nil
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// wants tells whether a subject is to be measured.
func (o *options) wants(subject string) bool {
	return o.subjects == "" || slices.ContainsFunc(split(o.subjects), func(s string) bool { return strings.EqualFold(s, subject) })
}

// runs tells whether a workload is to be run.
func (o *options) runs(workload string) bool { return slices.Contains(split(o.workloads), workload) }

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

// conclude prints the tables, and writes the JSON if it was asked for.
func (o *options) conclude(r *report.Report) error {
	fmt.Printf("\n%s\ncommit %s\n", r.Machine, r.Commit)
	for _, s := range r.Subjects {
		fmt.Printf("%s %s: %s\n", s.Name, s.Version, s.Settings)
	}
	for i := range r.Workloads {
		fmt.Printf("\n%s\n\n%s", r.Workloads[i].About, r.Workloads[i].Table())
	}
	for _, note := range r.Notes {
		fmt.Println("NOTE:", note)
	}
	if o.json == "" {
		return nil
	}
	return r.Write(o.json)
}
