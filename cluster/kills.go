package cluster

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"lockd/client"
)

// KillsReport is what Kills did and saw.
type KillsReport struct {
	Kills, LeaderKills int
	Clients            int
	Took               time.Duration
	Verdict            Verdict
}

// Kills keeps clients busy while it kills one node after the other with kill -9, the leader at least every other
// time, and starts each again. Nothing that a client was told may turn out wrong.
func Kills(ctx context.Context, c *Cluster, kills, clients int, progress io.Writer) (KillsReport, error) {
	report := KillsReport{Clients: clients}
	l, err := startLoad(ctx, c.Endpoints(), clients)
	if err != nil {
		return report, err
	}
	defer l.end()
	watcher, err := client.New(c.Endpoints())
	if err != nil {
		return report, err
	}
	defer watcher.Close() //nolint:errcheck // it holds nothing
	random := rand.New(rand.NewPCG(uint64(kills), uint64(clients)))
	for report.Kills < kills {
		leader, err := c.AwaitLeader(ctx, watcher)
		if err != nil {
			return report, err
		}
		victim := leader
		if report.Kills%2 == 1 {
			victim = c.Nodes[random.IntN(len(c.Nodes))]
		}
		if victim == leader {
			report.LeaderKills++
		}
		victim.Kill()
		report.Kills++
		pause(ctx, time.Duration(random.IntN(600))*time.Millisecond)
		if err := victim.restart(ctx, l); err != nil {
			return report, err
		}
		pause(ctx, time.Duration(random.IntN(400))*time.Millisecond)
		fmt.Fprintf(progress, "\r%d of %d kills, %d of them of the leader; %d grants ", report.Kills, kills, report.LeaderKills, l.history.Grants())
	}
	fmt.Fprintln(progress)
	l.end()
	report.Took = l.history.Now()
	report.Verdict = l.history.Judge()
	return report, nil
}

// restart starts a killed member, and waits until it is part of the cluster again: never are two down at once.
func (n *Node) restart(ctx context.Context, l *load) error {
	if err := n.Start(); err != nil {
		return err
	}
	if err := l.trouble(); err != nil {
		return fmt.Errorf("after member %d was killed: %w", n.ID, err)
	}
	return n.AwaitReady(ctx)
}

// AwaitLeader waits until one of the running members says that it leads.
func (c *Cluster) AwaitLeader(ctx context.Context, watcher *client.Client) (*Node, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		for _, n := range c.Nodes {
			if !n.Running() {
				continue
			}
			if leads(ctx, watcher, n) {
				return n, nil
			}
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("nobody leads: %w", ctx.Err())
		}
		pause(ctx, 5*time.Millisecond)
	}
}
