package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"lockd/cluster"
	"lockd/linearizability"
	"lockd/schedule"
)

// torment is the general trial: faults drawn from a seed, or read from a file, and the judges of the simulator.
type torment struct {
	trials   *trials
	duration time.Duration
	seed     uint64
	clients  int
	follow   string // a schedule to carry out
	save     string // where the schedule goes
	history  string
	noGuard  bool
}

const tormentHelp = `Start real lockd processes on this machine, torment them, and judge what their clients saw.

Without a subcommand, the faults are drawn from the seed, or read from a file: members are killed and stopped, directions of the network cut,
slowed and made lossy (all connections go through proxies in this process; no privilege is needed), connections reset, leaders replaced;
processes of clients are stopped, killed and cut off as well, also while they hold locks. TCP loses no bytes, so a lost packet is one
that comes late with all that follow it, and a cut is a pause with everything delivered after it. A client stands for all that share
its process: what befalls it befalls them. A server of 0 in a schedule is whoever leads by then. What --save-schedule writes, --schedule carries
out again; chaos replay takes it only when another profile is written into it.

Clients read, change and write a resource under their tokens. What they do and are told is recorded on one monotonic clock, and judged
at the end by the judges of the simulator. --no-guard takes the fence away from the resource, and must fail with a lost update.

The processes listen on loopback ports that are free, keep their data in a temporary folder, and are ended with
the command. Run it inside of the module, or name a lockd binary with --lockd.

`

func (t *torment) flags(command *cobra.Command) {
	flags := command.Flags()
	flags.DurationVar(&t.duration, "duration", 2*time.Minute, "how long faults go on")
	flags.Uint64Var(&t.seed, "seed", 1, "what the faults are drawn from")
	flags.IntVar(&t.clients, "clients", 50, "clients, in up to ten processes")
	flags.StringVar(&t.follow, "schedule", "", "carry out the faults of this `file` instead; it also names nodes, clients and duration")
	flags.StringVar(&t.save, "save-schedule", "", "write the schedule to this `file`, which --schedule takes")
	flags.StringVar(&t.history, "history", "", "write what clients did and were told to this `file`, as JSON lines that chaos check reads")
	flags.BoolVar(&t.noGuard, "no-guard", false, "take the fence away from the resource: a negative control")
}

// schedule is what is to go wrong. An error says what is wrong with the command line.
func (t *torment) schedule(command *cobra.Command) (schedule.Schedule, error) {
	if t.follow != "" {
		file, err := os.Open(t.follow)
		if err != nil {
			return schedule.Schedule{}, err
		}
		defer file.Close() //nolint:errcheck // it was only read
		s, err := schedule.Read(file)
		if err != nil {
			return s, fmt.Errorf("%s: %w", t.follow, err)
		}
		return s, checkTrial(s)
	}
	members := t.trials.members
	if !command.Flags().Changed("nodes") {
		members = 5
	}
	s := schedule.Schedule{Nodes: members, Clients: t.clients, Profile: cluster.Profile, Duration: schedule.Duration(t.duration)}
	if err := checkTrial(s); err != nil {
		return s, err
	}
	if err := s.Check(); err != nil {
		return s, err
	}
	return cluster.Draw(t.seed, members, t.clients, t.duration), nil
}

func checkTrial(s schedule.Schedule) error {
	if s.Nodes != 3 && s.Nodes != 5 {
		return fmt.Errorf("a trial has 3 or 5 nodes, not %d", s.Nodes)
	}
	return nil
}

// run is the trial, from its schedule to its verdict.
func (t *torment) run(command *cobra.Command) error {
	s, err := t.schedule(command)
	if err != nil {
		return err
	}
	if t.save != "" {
		if err := writeTo(t.save, s.Write); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	folder, err := os.MkdirTemp("", "lockd-cluster-")
	if err != nil {
		return harnessError{err}
	}
	report, err := t.carryOut(ctx, s, folder)
	if err == nil && t.history != "" {
		err = writeTo(t.history, func(w io.Writer) error { return linearizability.Encode(w, &report.History) })
	}
	if err != nil {
		return harnessError{fmt.Errorf("%w (data and logs are in %s)", err, folder)}
	}
	printReport(os.Stdout, s, report)
	code := reportCode(report)
	if t.noGuard && code == exitPass {
		fmt.Println("the resource had no guard, and no update was lost: the trial was too short or too mild to show anything")
		code = exitUnknown
	}
	if code != exitPass {
		fmt.Printf("data and logs are in %s\n", folder)
		return exit(code)
	}
	return os.RemoveAll(folder)
}

func (t *torment) carryOut(ctx context.Context, s schedule.Schedule, folder string) (cluster.Report, error) {
	self, err := os.Executable()
	if err != nil {
		return cluster.Report{}, err
	}
	binary := t.trials.binary
	if binary == "" {
		if binary, err = cluster.Build(ctx, folder); err != nil {
			return cluster.Report{}, err
		}
	}
	line := trialLine{total: time.Duration(s.Duration), live: term.IsTerminal(int(os.Stderr.Fd()))}
	defer line.clear()
	return cluster.Torment(ctx, cluster.Trial{
		Schedule: s, Binary: binary, Folder: folder, Crew: []string{self, "cluster", "crew"}, Unguarded: t.noGuard, Progress: line.show,
	})
}

func writeTo(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		_ = file.Close() // the first error is the one to tell
		return err
	}
	return file.Close()
}

// trialLine says how far a trial is: on a terminal in a line that changes, elsewhere with a line each half minute.
type trialLine struct {
	total time.Duration
	next  time.Duration
	live  bool
}

func (l *trialLine) show(m cluster.Moment) {
	if !l.live && m.At < l.next {
		return
	}
	l.next = m.At + 30*time.Second
	leader := "nobody leads"
	if m.Leader != 0 {
		leader = fmt.Sprintf("member %d leads", m.Leader)
	}
	sentence := fmt.Sprintf("%v of %v, %d operations, %d grants, %d faults, %s; in force: %s", m.At.Round(time.Second), l.total,
		m.Operations, m.Grants, m.Injected, leader, m.InForce)
	if l.live {
		fmt.Fprint(os.Stderr, "\r\x1b[K"+sentence)
	} else {
		fmt.Fprintln(os.Stderr, sentence)
	}
}

func (l *trialLine) clear() {
	if l.live {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}

// printReport tells what was done and seen.
func printReport(out io.Writer, s schedule.Schedule, r cluster.Report) {
	fmt.Fprintf(out, "seed %d: %d members and %d clients in %d processes, tormented for %v\n", s.Seed, s.Nodes, s.Clients, r.Crews, r.Took.Round(time.Second))
	fmt.Fprintf(out, "%d operations in %d sessions; %d grants, %.0f %% of them contended; the resource refused %d stale tokens; %d leaders\n",
		r.Operations, r.Sessions, r.Grants, 100*float64(r.Contended)/float64(max(1, r.Grants)), r.Refusals, r.Elections)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nfault\tinjected\tobserved\t")
	for f, count := range r.Faults {
		if count.Injected > 0 {
			fmt.Fprintf(table, "%v\t%d\t%d\t\n", schedule.Fault(f), count.Injected, count.Observed)
		}
	}
	table.Flush()
	if r.Beyond != "" {
		fmt.Fprintf(out, "left out, because only a simulated world can do them: %s\n", r.Beyond)
	}
	fmt.Fprintf(out, "\nthe judges say %v: %d locks, %d steps of the model, %d locks too long for the slow judge\n",
		r.Judged.Result, r.Judged.Keys, r.Judged.Steps, r.Judged.Skipped)
	if len(r.Unserved) == 0 {
		fmt.Fprintf(out, "every client was served within %v after all had healed\n", r.Healed.Round(time.Millisecond))
	}
	printFailings(out, r)
}

// maxPrinted bounds how many violations are told one by one.
const maxPrinted = 10

func printFailings(out io.Writer, r cluster.Report) {
	for i, v := range r.Violations {
		if i == maxPrinted {
			fmt.Fprintf(out, "and %d more\n", len(r.Violations)-maxPrinted)
			break
		}
		fmt.Fprintf(out, "VIOLATION: %s: %s\n", v.Oracle, v.Message)
	}
	if len(r.Unserved) > 0 {
		fmt.Fprintf(out, "NOT SERVED: clients %s, %v after all had healed\n", strings.Trim(fmt.Sprint(r.Unserved), "[]"), r.Healed.Round(time.Second))
	}
	for _, f := range r.Unseen {
		fmt.Fprintf(out, "%v was never seen to make a difference: this run says nothing about it\n", f)
	}
	if r.Grants == 0 {
		fmt.Fprintln(out, "nothing was granted: this run says nothing")
	}
}

// reportCode is the exit code: of what went wrong, the worst.
func reportCode(r cluster.Report) int {
	switch {
	case len(r.Violations) > 0 || r.Judged.Result == linearizability.Fail:
		return exitUnsafe
	case len(r.Unserved) > 0:
		return exitStuck
	case r.Judged.Result != linearizability.Pass || len(r.Unseen) > 0 || r.Grants == 0 || injected(r) == 0:
		return exitUnknown
	}
	return exitPass
}

// injected counts the faults of a trial: without any it shows nothing.
func injected(r cluster.Report) (count uint64) {
	for _, f := range r.Faults {
		count += f.Injected
	}
	return count
}

// crewCommand is a process with some of a trial's clients.
func crewCommand() *cobra.Command {
	return &cobra.Command{
		Use: "crew", Args: cobra.NoArgs, Hidden: true,
		RunE: func(command *cobra.Command, _ []string) error {
			return cluster.RunCrew(command.Context(), os.Stdin, os.Stdout)
		},
	}
}
