package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"lockd/client"
)

// cutoffTTLs are those that the runs of Cutoff take turns with.
var cutoffTTLs = []time.Duration{2 * time.Second, 3 * time.Second, 5 * time.Second, 8 * time.Second, 13 * time.Second}

// atOnce is how many runs of Cutoff go on side by side.
const atOnce = 10

// CutoffReport is what Cutoff saw.
type CutoffReport struct {
	Runs int
	// Margins are the times from the death of the last process of a command to the next holder's grant, shortest first.
	Margins []time.Duration
	// Violations are the runs in which something still ran when the lock was granted to somebody else.
	Violations []string
}

// cutoffRun is one `lockd lock` that loses all its servers.
type cutoffRun struct {
	number    int
	ttl       time.Duration
	stubborn  bool // its command ignores SIGTERM
	proxies   []*Proxy
	command   *exec.Cmd
	group     int
	dead      time.Time
	contender time.Time // when the next holder was granted the lock
}

// Cutoff runs commands under `lockd lock`, each with children of its own, and lets the network to all servers fall
// silent: packets vanish, nothing is reset. All processes of the command must be gone before anybody else is granted the lock.
func Cutoff(ctx context.Context, c *Cluster, runs int, progress io.Writer) (CutoffReport, error) {
	report := CutoffReport{Runs: runs}
	contender, err := client.New(c.Endpoints())
	if err != nil {
		return report, err
	}
	defer contender.Close() //nolint:errcheck // nothing is held any more
	done := make(chan error, runs)
	all := make([]*cutoffRun, runs)
	places := make(chan struct{}, atOnce)
	for i := range all {
		all[i] = &cutoffRun{number: i, ttl: cutoffTTLs[i%len(cutoffTTLs)], stubborn: i%2 == 1}
		go func() {
			places <- struct{}{}
			defer func() { <-places }()
			done <- all[i].run(ctx, c, contender)
		}()
	}
	var failures error
	for i := range runs {
		failures = errors.Join(failures, <-done)
		fmt.Fprintf(progress, "\r%d of %d runs ", i+1, runs)
	}
	fmt.Fprintln(progress)
	for _, r := range all {
		margin := r.contender.Sub(r.dead)
		if failures == nil && margin <= 0 {
			report.Violations = append(report.Violations, fmt.Sprintf("run %d, TTL %v: the command was dead %v after the grant", r.number, r.ttl, -margin))
		}
		report.Margins = append(report.Margins, margin)
	}
	slices.Sort(report.Margins)
	return report, failures
}

func (r *cutoffRun) run(ctx context.Context, c *Cluster, contender *client.Client) error {
	if err := r.begin(ctx, c); err != nil {
		return fmt.Errorf("run %d: %w", r.number, err)
	}
	defer r.end()
	session, err := contender.NewSession(ctx, sessionTTL)
	if err != nil {
		return err
	}
	defer session.Close(ctx) //nolint:errcheck // it ends by itself
	granted := make(chan error, 1)
	go func() {
		err := session.Mutex(r.name()).Lock(ctx)
		r.contender = time.Now()
		granted <- err
	}()
	pause(ctx, r.ttl*time.Duration(r.number%7)/7) // anywhere between two renewals
	for _, p := range r.proxies {
		p.Silence()
	}
	for groupLives(r.group) {
		pause(ctx, time.Millisecond)
		if ctx.Err() != nil {
			return fmt.Errorf("run %d: the command of a lost lock lives on: %w", r.number, ctx.Err())
		}
	}
	r.dead = time.Now()
	return <-granted
}

func (r *cutoffRun) name() string { return fmt.Sprintf("cutoff/%d", r.number) }

// begin starts the command behind proxies of its own, and waits until it runs.
func (r *cutoffRun) begin(ctx context.Context, c *Cluster) error {
	endpoints := []string{}
	for _, endpoint := range c.Endpoints() {
		proxy, err := NewProxy(endpoint)
		if err != nil {
			return err
		}
		r.proxies = append(r.proxies, proxy)
		endpoints = append(endpoints, proxy.Address())
	}
	script := "sleep 600 & sh -c 'sleep 600 & wait' & echo $$; wait"
	if r.stubborn {
		script = "trap '' TERM; " + script
	}
	r.command = exec.CommandContext(ctx, c.Nodes[0].binary, "lock", "--endpoints", strings.Join(endpoints, ","),
		"--ttl", r.ttl.String(), r.name(), "--", "sh", "-c", script)
	r.command.Stderr = io.Discard
	output, err := r.command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.command.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the command never ran: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return err
	}
	r.group, err = syscall.Getpgid(pid)
	return err
}

func (r *cutoffRun) end() {
	_ = r.command.Process.Kill()
	_ = r.command.Wait()
	for _, p := range r.proxies {
		p.Close()
	}
}
