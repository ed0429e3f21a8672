package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Replace kills the leader for good and puts another machine in its place, by the commands that the README tells to use, while clients work. None of them
// may be told of an error: their sessions, their locks and their places in queues are the cluster's, not the member's.
func Replace(ctx context.Context, c *Cluster, clients int, progress io.Writer) (Disturbance, error) {
	var newcomer *Node
	defer func() {
		if newcomer != nil {
			newcomer.Kill()
		}
	}()
	return c.disturb(ctx, clients, func(_ *load, leader *Node) (err error) {
		leader.Kill()
		fmt.Fprintf(progress, "member %d is dead\n", leader.ID)
		if newcomer, err = c.join(); err != nil {
			return err
		}
		return c.admit(ctx, newcomer, leader, progress)
	})
}

// join starts a node of the next number, with an empty directory, that knows the others and is not known to them.
func (c *Cluster) join() (*Node, error) {
	addresses, err := FreeAddresses(3)
	if err != nil {
		return nil, err
	}
	n := newNode(c.Nodes[0].binary, c.folder, len(c.Nodes)+1, addresses)
	n.arguments = append(n.arguments, "--join")
	n.meet(func(other *Node) string { return other.peer }, append(c.Nodes[:len(c.Nodes):len(c.Nodes)], n))
	return n, n.Start()
}

// admit makes a voter of the newcomer, and removes the dead member.
func (c *Cluster) admit(ctx context.Context, newcomer, dead *Node, progress io.Writer) error {
	incarnation, err := newcomer.incarnation(ctx)
	if err != nil {
		return err
	}
	if _, err := c.lockd(ctx, "member", "add", fmt.Sprintf("%d=%s", newcomer.ID, newcomer.peer), "--incarnation", incarnation); err != nil {
		return err
	}
	fmt.Fprintf(progress, "member %d was added\n", newcomer.ID)
	if err := c.awaitVoter(ctx, newcomer); err != nil {
		return err
	}
	fmt.Fprintf(progress, "member %d votes\n", newcomer.ID)
	_, err = c.lockd(ctx, "member", "remove", strconv.Itoa(dead.ID))
	return err
}

// admission is what a node that waits to be admitted logs: the command that admits it.
var admission = regexp.MustCompile(`--incarnation ([0-9a-f]{16})`)

// incarnation reads it from the member's log.
func (n *Node) incarnation(ctx context.Context) (string, error) {
	for ctx.Err() == nil && n.Running() {
		if found := admission.FindStringSubmatch(n.lastWords()); found != nil {
			return found[1], nil
		}
		pause(ctx, 10*time.Millisecond)
	}
	return "", fmt.Errorf("member %d does not tell how it is admitted; its last words: %s", n.ID, n.lastWords())
}

// awaitVoter waits until the leader lists a member as a voter.
func (c *Cluster) awaitVoter(ctx context.Context, n *Node) error {
	for ctx.Err() == nil {
		output, err := c.lockd(ctx, "member", "list", "--output", "json")
		if err != nil {
			return err
		}
		var list struct {
			Members []struct {
				Member json.Number `json:"member"`
				State  string      `json:"state"`
			} `json:"members"`
		}
		if err := json.Unmarshal(output, &list); err != nil {
			return fmt.Errorf("lockd member list: %w", err)
		}
		for _, m := range list.Members {
			if m.Member.String() == strconv.Itoa(n.ID) && m.State == "voter" {
				return nil
			}
		}
		pause(ctx, 20*time.Millisecond)
	}
	return ctx.Err()
}

// lockd runs a command of the service's own command line.
func (c *Cluster) lockd(ctx context.Context, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, c.Nodes[0].binary, append(arguments, "--endpoints", strings.Join(c.Endpoints(), ","))...)
	output, err := command.Output()
	if failed, is := errors.AsType[*exec.ExitError](err); is {
		return nil, fmt.Errorf("lockd %s: %w: %s", strings.Join(arguments, " "), err, failed.Stderr)
	}
	return output, err
}
