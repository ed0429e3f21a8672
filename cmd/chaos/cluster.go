package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"lockd/cluster"
)

// Bounds that the trials are held to. Nothing is loosened by a flag.
const (
	toldWithin    = 10 * time.Millisecond
	grantsPerKill = 50

	shareDuringCatchUp = 0.9
	longestGap         = time.Second
)

// medianAfter is how soon each fall must be got over. An election timeout is 300 to 600 ms.
var medianAfter = map[string]time.Duration{
	"kill -9": 600 * time.Millisecond, "SIGTERM": 100 * time.Millisecond, "SIGSTOP": time.Second, "a stalled disk": time.Second,
}

// errTrial says that a trial has failed. What it saw is printed already.
var errTrial = errors.New("the trial has failed")

// trials are the subcommands' common setting.
type trials struct {
	binary  string
	members int
	limit   time.Duration
}

// clusterCommand torments real processes.
func clusterCommand() *cobra.Command {
	var t trials
	general := torment{trials: &t}
	command := &cobra.Command{
		Use:   "cluster",
		Short: "Start real lockd processes on this machine, torment them, and judge what their clients saw",
		Long:  tormentHelp + exitCodes,
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return general.run(command) },
	}
	general.flags(command)
	command.PersistentFlags().StringVar(&t.binary, "lockd", "", "the lockd binary to run (default: built from this module)")
	command.PersistentFlags().IntVar(&t.members, "nodes", 3, "members of the cluster; 5 without a subcommand")
	command.PersistentFlags().DurationVar(&t.limit, "time-limit", 20*time.Minute, "give a subcommand up after so long")
	command.AddCommand(t.kills(), t.failover(), t.rolling(), t.replace(), t.catchUp(), t.fullDisk(), t.queue(), t.cutoff(), t.pause(), t.languages(), holderCommand(), crewCommand())
	return command
}

// run starts a cluster and hands it to a trial.
func (t *trials) run(trial func(context.Context, *cluster.Cluster) error) error {
	return t.runIn(func(context.Context, string) (func() error, error) { return nothing, nil }, trial)
}

func nothing() error { return nil }

// runIn prepares the folder of the cluster's data first. What was prepared is undone in the end.
func (t *trials) runIn(prepare func(ctx context.Context, folder string) (undo func() error, err error), trial func(context.Context, *cluster.Cluster) error) error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, t.limit)
	defer cancel()
	folder, err := os.MkdirTemp("", "lockd-cluster-")
	if err != nil {
		return err
	}
	if t.binary == "" {
		if t.binary, err = cluster.Build(ctx, folder); err != nil {
			return err
		}
	}
	undo, err := prepare(ctx, folder)
	if err != nil {
		return err
	}
	c, err := cluster.Start(ctx, t.binary, folder, t.members)
	if err != nil {
		return errors.Join(err, undo())
	}
	err = trial(ctx, c)
	c.Stop()
	if err = errors.Join(err, undo()); err != nil {
		return fmt.Errorf("%w (data and logs are in %s)", err, folder)
	}
	return os.RemoveAll(folder)
}

// verdict prints violations, and makes an error of them.
func verdict(violations []string) error {
	for _, violation := range violations {
		fmt.Println("VIOLATION:", violation)
	}
	if len(violations) > 0 {
		return errTrial
	}
	return nil
}

// expect fails a trial that saw too little, or too much.
func expect(holds bool, sentence string, args ...any) error {
	if holds {
		return nil
	}
	fmt.Printf("NOT REACHED: "+sentence+"\n", args...)
	return errTrial
}

func (t *trials) kills() *cobra.Command {
	var kills, clients int
	command := &cobra.Command{
		Use: "kills", Args: cobra.NoArgs,
		Short: "Kill -9 a node under load, again and again, the leader at least every other time",
		RunE: func(*cobra.Command, []string) error {
			return t.run(func(ctx context.Context, c *cluster.Cluster) error {
				report, err := cluster.Kills(ctx, c, kills, clients, ticker())
				if err != nil {
					return err
				}
				v := report.Verdict
				fmt.Printf("%d kills, %d of them of the leader, under %d clients, in %v\n", report.Kills, report.LeaderKills, report.Clients, report.Took.Round(time.Second))
				fmt.Printf("%d grants of %d locks: none lost, no token twice or lower, no two holders, every waiter in order, no session lost: %v\n",
					v.Grants, v.Locks, len(v.Violations) == 0)
				return errors.Join(verdict(v.Violations),
					expect(2*report.LeaderKills >= report.Kills, "half of the kills of the leader"),
					expect(v.Grants >= grantsPerKill*report.Kills, "%d grants", grantsPerKill*report.Kills))
			})
		},
	}
	command.Flags().IntVar(&kills, "kills", 200, "how many")
	command.Flags().IntVar(&clients, "clients", 20, "that grab and release locks all the time")
	return command
}

func (t *trials) failover() *cobra.Command {
	var runs int
	command := &cobra.Command{
		Use: "failover", Args: cobra.NoArgs,
		Short: "Measure how long nobody is granted anything after the leader has ended, was stopped, or its disk hangs",
		RunE: func(*cobra.Command, []string) error {
			return t.run(func(ctx context.Context, c *cluster.Cluster) error {
				report, err := cluster.Failover(ctx, c, runs, ticker())
				if err != nil {
					return err
				}
				fmt.Printf("got over, median and range of %d runs (the first new grant; after SIGSTOP another leader):\n", runs)
				var short error
				for _, gaps := range report {
					median := cluster.Median(gaps.Took)
					fmt.Printf("  after %-14s  %v (%v to %v)\n", gaps.Fall, median, gaps.Took[0], gaps.Took[runs-1])
					most := medianAfter[gaps.Fall]
					short = errors.Join(short, expect(median <= most, "a median of %v after %s", most, gaps.Fall))
				}
				return short
			})
		},
	}
	command.Flags().IntVar(&runs, "runs", 20, "how many, each once with every fall")
	return command
}

func (t *trials) rolling() *cobra.Command {
	var clients int
	var next string
	command := &cobra.Command{
		Use: "rolling", Args: cobra.NoArgs,
		Short: "Upgrade all members under load, one after the other, from an old binary to a new one",
		RunE: func(*cobra.Command, []string) error {
			given := t.binary != ""
			prepare := func(ctx context.Context, folder string) (undo func() error, err error) {
				next = cmp.Or(next, t.binary)
				if !given {
					t.binary, err = cluster.BuildOldest(ctx, folder)
				}
				return nothing, err
			}
			return t.runIn(prepare, func(ctx context.Context, c *cluster.Cluster) error {
				report, err := cluster.Rolling(ctx, c, next, clients, ticker())
				if err != nil {
					return err
				}
				v := report.Verdict
				fmt.Printf("%d members were restarted in %v under %d clients; the longest time without a grant was %v\n",
					len(c.Nodes), report.Took.Round(time.Millisecond), clients, report.Longest.Round(time.Millisecond))
				fmt.Printf("version %d was in force before, and version %d after the last of them; the old binary, started once more, says: %s\n",
					report.Before, report.After, report.Refused)
				fmt.Printf("%d grants of %d locks: none lost, no token twice or lower, no two holders, every waiter in order, no session lost: %v\n",
					v.Grants, v.Locks, len(v.Violations) == 0)
				return errors.Join(verdict(v.Violations), expect(report.Longest < longestGap, "less than %v without a grant", longestGap),
					expect(given || report.After > report.Before, "a version that rises with the last member"))
			})
		},
	}
	command.Flags().StringVar(&next, "next", "", "the binary that members are restarted with (default: built from this module, or what --lockd says)")
	command.Flags().IntVar(&clients, "clients", 20, "that grab and release locks all the time")
	return command
}

func (t *trials) replace() *cobra.Command {
	var clients int
	command := &cobra.Command{
		Use: "replace", Args: cobra.NoArgs,
		Short: "Kill a member for good under load, and put another machine in its place",
		RunE: func(*cobra.Command, []string) error {
			return t.run(func(ctx context.Context, c *cluster.Cluster) error {
				report, err := cluster.Replace(ctx, c, clients, ticker())
				if err != nil {
					return err
				}
				v := report.Verdict
				fmt.Printf("the leader was killed and replaced by another machine in %v under %d clients; the longest time without a grant was %v\n",
					report.Took.Round(time.Millisecond), clients, report.Longest.Round(time.Millisecond))
				fmt.Printf("%d grants of %d locks: no client saw an error, none lost, no token twice or lower, no two holders, every waiter in order: %v\n",
					v.Grants, v.Locks, len(v.Violations) == 0)
				return errors.Join(verdict(v.Violations), expect(report.Longest < longestGap, "less than %v without a grant", longestGap))
			})
		},
	}
	command.Flags().IntVar(&clients, "clients", 20, "that grab and release locks all the time")
	return command
}

func (t *trials) catchUp() *cobra.Command {
	var entries uint64
	var runs, clients int
	command := &cobra.Command{
		Use: "catchup", Args: cobra.NoArgs,
		Short: "Measure what it costs a busy cluster that a member which was away for long catches up",
		RunE: func(*cobra.Command, []string) error {
			return t.run(func(ctx context.Context, c *cluster.Cluster) error {
				reports, err := cluster.CatchUp(ctx, c, runs, entries, clients, ticker())
				if err != nil {
					return err
				}
				for _, r := range reports {
					fmt.Printf("a member %d entries behind caught up in %v: %.0f pairs a second before, %.0f while it did, %.0f after: %.1f %%\n",
						r.Behind, r.Took.Round(time.Millisecond), r.Before, r.During, r.After, 100*r.Share())
				}
				share := cluster.MedianShare(reports)
				fmt.Printf("median: %.1f %%\n", 100*share)
				return expect(share >= shareDuringCatchUp, "%.0f %% of the throughput", 100*shareDuringCatchUp)
			})
		},
	}
	command.Flags().IntVar(&runs, "runs", 5, "how many times")
	command.Flags().Uint64Var(&entries, "entries", 1_000_000, "how far behind the member is when it comes back")
	command.Flags().IntVar(&clients, "clients", 64, "that grab and release locks of their own all the time")
	return command
}

func (t *trials) fullDisk() *cobra.Command {
	var clients int
	command := &cobra.Command{
		Use: "fulldisk", Args: cobra.NoArgs,
		Short: "Fill the disks of members while clients work; takes the privilege to mount small ones",
		RunE: func(*cobra.Command, []string) error {
			small := func(_ context.Context, folder string) (func() error, error) {
				return cluster.MountSmallDisks(folder, t.members)
			}
			err := t.runIn(small, func(ctx context.Context, c *cluster.Cluster) error {
				report, err := cluster.FullDisk(ctx, c, clients, ticker())
				if err != nil {
					return err
				}
				fmt.Printf("longest time in which nobody was served: %v while a follower's disk was full, %v while the leader's was\n",
					report.Follower.Round(time.Millisecond), report.Leader.Round(time.Millisecond))
				fmt.Printf("after most disks had been full, clients were served %v after there was room\n", report.Majority.Round(time.Millisecond))
				return expect(max(report.Follower, report.Leader) < longestGap, "somebody served every %v", longestGap)
			})
			if errors.Is(err, cluster.ErrNoPrivilege) {
				fmt.Printf("SKIPPED: %v\n", err)
				return nil
			}
			return err
		},
	}
	command.Flags().IntVar(&clients, "clients", 16, "that grab and release locks of their own all the time")
	return command
}

func (t *trials) queue() *cobra.Command {
	var sessions int
	command := &cobra.Command{
		Use: "queue", Args: cobra.NoArgs,
		Short: "Let a thousand sessions queue for one lock",
		RunE: func(*cobra.Command, []string) error {
			return t.run(func(ctx context.Context, c *cluster.Cluster) error {
				report, err := cluster.Queue(ctx, c, sessions, ticker())
				if err != nil {
					return err
				}
				fmt.Printf("%d sessions queued, lockd show printed %d of them; %d were served in %v, in order and once: %v\n",
					report.Sessions, report.Shown, report.Verdict.Grants, report.Took.Round(time.Millisecond), len(report.Verdict.Violations) == 0)
				fmt.Printf("hand-over: median %v, longest %v\n", cluster.Median(report.HandOvers), report.HandOvers[len(report.HandOvers)-1])
				return errors.Join(verdict(report.Verdict.Violations),
					expect(report.Shown == sessions, "the whole queue shown"),
					expect(report.Verdict.Grants == sessions, "all sessions served"))
			})
		},
	}
	command.Flags().IntVar(&sessions, "sessions", 1000, "how many")
	return command
}

func (t *trials) cutoff() *cobra.Command {
	var runs int
	command := &cobra.Command{
		Use: "cutoff", Args: cobra.NoArgs,
		Short: "Cut a `lockd lock` off from all servers: its command must be dead before anybody else is granted the lock",
		RunE: func(*cobra.Command, []string) error {
			return t.run(func(ctx context.Context, c *cluster.Cluster) error {
				report, err := cluster.Cutoff(ctx, c, runs, ticker())
				if err != nil {
					return err
				}
				fmt.Printf("%d runs: the command's last process was gone before the next grant by %v at least, %v in the median\n",
					report.Runs, report.Margins[0].Round(time.Millisecond), cluster.Median(report.Margins).Round(time.Millisecond))
				return verdict(report.Violations)
			})
		},
	}
	command.Flags().IntVar(&runs, "runs", 50, "how many, at TTLs from 2 s up, half of them with a command that ignores SIGTERM")
	return command
}

func (t *trials) pause() *cobra.Command {
	var runs int
	command := &cobra.Command{
		Use: "pause", Args: cobra.NoArgs,
		Short: "Stop a holder for longer than its TTL, and continue it: it must know, and the guard refuse its late write",
		RunE: func(*cobra.Command, []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			return t.run(func(ctx context.Context, c *cluster.Cluster) error {
				report, err := cluster.Pause(ctx, c, runs, []string{self, "cluster", "holder"}, ticker())
				if err != nil {
					return err
				}
				longest := report.Told[len(report.Told)-1]
				fmt.Printf("%d runs: not held at the first look, late write refused: %v; context ended after %v in the median, %v at most\n",
					report.Runs, len(report.Violations) == 0, cluster.Median(report.Told), longest)
				return errors.Join(verdict(report.Violations), expect(longest <= toldWithin, "told within %v", toldWithin))
			})
		},
	}
	command.Flags().IntVar(&runs, "runs", 10, "how many")
	return command
}

func (t *trials) languages() *cobra.Command {
	return &cobra.Command{
		Use: "languages [EXAMPLES]", Args: cobra.MaximumNArgs(1),
		Short: "Grab, check and release a lock with curl and with Node.js (the folder of the examples: ./examples)",
		RunE: func(_ *cobra.Command, args []string) error {
			examples, err := filepath.Abs(append(args, "examples")[0])
			if err != nil {
				return err
			}
			return t.run(func(ctx context.Context, c *cluster.Cluster) error {
				return cluster.Languages(ctx, c, examples, os.Stdout)
			})
		},
	}
}

// holderCommand is the process that the pause trial stops.
func holderCommand() *cobra.Command {
	return &cobra.Command{
		Use: "holder ENDPOINTS NAME RESOURCE", Args: cobra.ExactArgs(3), Hidden: true,
		RunE: func(command *cobra.Command, args []string) error {
			return cluster.RunHolder(command.Context(), args[0], args[1], args[2], os.Stdout)
		},
	}
}

// ticker is where a line that changes may be written: a terminal, and nowhere else.
func ticker() io.Writer {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return os.Stderr
	}
	return io.Discard
}
