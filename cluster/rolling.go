package cluster

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// Rolling restarts all members with another binary, one after the other and the leader last, by SIGTERM, while clients work.
func Rolling(ctx context.Context, c *Cluster, binary string, clients int, progress io.Writer) (Disturbance, error) {
	return c.disturb(ctx, clients, func(l *load, leader *Node) error {
		last := append(slices.DeleteFunc(slices.Clone(c.Nodes), func(n *Node) bool { return n == leader }), leader)
		for i, n := range last {
			fmt.Fprintf(progress, "\rrestarting member %d, %d of %d; %d grants ", n.ID, i+1, len(last), l.history.Grants())
			n.Terminate()
			n.binary = binary
			if err := startAgain(ctx, n); err != nil {
				return err
			}
			if err := n.AwaitReady(ctx); err != nil {
				return err
			}
			if err := l.trouble(); err != nil {
				return fmt.Errorf("after member %d was restarted: %w", n.ID, err)
			}
			pause(ctx, 500*time.Millisecond)
		}
		fmt.Fprintln(progress)
		return nil
	})
}
