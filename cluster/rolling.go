package cluster

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockd/client"
)

// Roll is what a rolling restart did.
type Roll struct {
	Disturbance
	Before, After int // the version in force
	// Refused is what the binary before said when it was started once more, behind the rise of the version. Empty: that did not rise.
	Refused string
}

// Rolling restarts all members with another binary, one after the other and the leader last, by SIGTERM, while clients work. If that supports a
// later version, the version in force rises with the last of them and not before, and then the first member is given its old binary
// once more: it must be refused.
func Rolling(ctx context.Context, c *Cluster, binary string, clients int, progress io.Writer) (Roll, error) {
	r := roll{cluster: c, old: c.Nodes[0].binary, next: binary, progress: progress}
	watcher, err := client.New(c.Endpoints())
	if err != nil {
		return r.Roll, err
	}
	defer watcher.Close() //nolint:errcheck // it holds nothing
	r.watcher = watcher
	r.Disturbance, err = c.disturb(ctx, clients, func(l *load, leader *Node) error { return r.restartAll(ctx, l, leader) })
	return r.Roll, err
}

// roll is a rolling restart under way.
type roll struct {
	Roll
	cluster   *Cluster
	old, next string // binaries
	watcher   *client.Client
	progress  io.Writer
}

func (r *roll) restartAll(ctx context.Context, l *load, leader *Node) (err error) {
	if r.Before, _, err = r.versions(ctx, leader); err != nil {
		return err
	}
	last := append(slices.DeleteFunc(slices.Clone(r.cluster.Nodes), func(n *Node) bool { return n == leader }), leader)
	for i, n := range last {
		if now, _, err := r.versions(ctx, n); err != nil || now != r.Before {
			return fmt.Errorf("version %d is in force at member %d after %d of %d members were restarted, and was %d: %w", now, n.ID, i, len(last), r.Before, err)
		}
		fmt.Fprintf(r.progress, "\rrestarting member %d, %d of %d; %d grants ", n.ID, i+1, len(last), l.history.Grants())
		if err := r.restart(ctx, n, r.next); err != nil {
			return err
		}
		if err := l.trouble(); err != nil {
			return fmt.Errorf("after member %d was restarted: %w", n.ID, err)
		}
		pause(ctx, 500*time.Millisecond)
	}
	fmt.Fprintln(r.progress)
	if r.After, err = r.risen(ctx); err != nil || r.After == r.Before {
		return err
	}
	return r.goBack(ctx, last[0])
}

func (r *roll) restart(ctx context.Context, n *Node, binary string) error {
	n.Terminate()
	n.binary = binary
	if err := startAgain(ctx, n); err != nil {
		return err
	}
	return n.AwaitReady(ctx)
}

// versions are the one in force at a member, and the latest that its program supports.
func (r *roll) versions(ctx context.Context, n *Node) (inForce, supports int, err error) {
	seen, err := r.watcher.Status(ctx, n.Client)
	return int(seen.Version), int(seen.Supports), err
}

// risen waits until the version that all members support is in force at each of them.
func (r *roll) risen(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	common := 0
	for _, n := range r.cluster.Nodes {
		_, supports, err := r.versions(ctx, n)
		if err != nil {
			return 0, err
		}
		if common == 0 || supports < common {
			common = supports
		}
	}
	for _, n := range r.cluster.Nodes {
		for {
			inForce, _, err := r.versions(ctx, n)
			if err != nil {
				return inForce, fmt.Errorf("all members support version %d, and version %d is in force at member %d: %w", common, inForce, n.ID, err)
			}
			if inForce == common {
				break
			}
			pause(ctx, 5*time.Millisecond)
		}
	}
	return common, nil
}

// goBack starts a member with its old binary, which must end with a word about what to install, and then with the right one.
func (r *roll) goBack(ctx context.Context, n *Node) error {
	n.Terminate()
	n.binary = r.old
	if err := startAgain(ctx, n); err != nil {
		return err
	}
	n.expect() // to end by itself
	select {
	case <-n.Ended():
	case <-time.After(10 * time.Second):
		n.Kill()
		return fmt.Errorf("member %d runs with a program that does not support version %d, which is in force", n.ID, r.After)
	}
	words := strings.Split(strings.TrimSpace(n.lastWords()), "\n")
	r.Refused = words[len(words)-1]
	if !strings.Contains(r.Refused, fmt.Sprintf("install a lockd that supports version %d", r.After)) {
		return fmt.Errorf("member %d does not say what to install: %s", n.ID, r.Refused)
	}
	return r.restart(ctx, n, r.next)
}
