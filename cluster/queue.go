package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockd/client"
	"lockd/server"
)

// QueueReport is what Queue saw.
type QueueReport struct {
	Sessions  int
	Shown     int // waiters that `lockd show` printed while all of them queued
	Took      time.Duration
	Verdict   Verdict
	HandOvers []time.Duration // from one client's Unlock to the next one's Lock, shortest first
}

// Queue lets sessions queue for one lock while somebody else holds it, looks at the queue with `lockd show`, and then lets
// each of them hold the lock once.
func Queue(ctx context.Context, c *Cluster, sessions int, progress io.Writer) (QueueReport, error) {
	report := QueueReport{Sessions: sessions}
	const name = "one lock"
	clients, err := connect(c, 8)
	if err != nil {
		return report, err
	}
	defer func() {
		for _, c := range clients {
			_ = c.Close() // nothing is held any more
		}
	}()
	first, err := clients[0].NewSession(ctx, time.Minute)
	if err != nil {
		return report, err
	}
	gate := first.Mutex(name)
	if err := gate.Lock(ctx); err != nil {
		return report, err
	}
	history, done := NewHistory(), make(chan error, sessions)
	for number := range sessions {
		go func() { done <- takeTurn(ctx, history, number, clients[number%len(clients)], name) }()
	}
	if err := awaitWaiters(ctx, clients[0], name, sessions, progress); err != nil {
		return report, err
	}
	if report.Shown, err = show(ctx, c, name); err != nil {
		return report, err
	}
	start := time.Now()
	if err := gate.Unlock(ctx); err != nil {
		return report, err
	}
	var failures error
	for range sessions {
		failures = errors.Join(failures, <-done)
	}
	report.Took = time.Since(start)
	report.Verdict = history.Judge()
	report.HandOvers = history.handOvers()
	return report, failures
}

// connect makes clients that the sessions of a trial share.
func connect(c *Cluster, count int) ([]*client.Client, error) {
	clients := make([]*client.Client, 0, count)
	for range count {
		one, err := client.New(c.Endpoints())
		if err != nil {
			return nil, err
		}
		clients = append(clients, one)
	}
	return clients, nil
}

// takeTurn opens a session, waits for the lock, holds it once and gives it back.
func takeTurn(ctx context.Context, history *History, number int, c *client.Client, name string) error {
	session, err := c.NewSession(ctx, time.Minute)
	if err != nil {
		return err
	}
	mutex := session.Mutex(name)
	if err := mutex.Lock(ctx); err != nil {
		return fmt.Errorf("session %d: %w", number, err)
	}
	hold := Hold{Lock: name, Client: number, Token: mutex.Token(), Place: mutex.Place(), Granted: history.Now()}
	hold.Released = history.Now()
	hold.Trouble = mutex.Unlock(ctx)
	history.Add(hold)
	return session.Close(ctx)
}

func awaitWaiters(ctx context.Context, c *client.Client, name string, count int, progress io.Writer) error {
	for {
		shown, err := c.Show(ctx, server.Show{Name: name, Limit: 1})
		if err != nil {
			return err
		}
		fmt.Fprintf(progress, "\r%d of %d wait ", shown.Lock.Waiters, count)
		if shown.Lock.Waiters == count {
			fmt.Fprintln(progress)
			return nil
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// show counts the waiters that the command prints.
func show(ctx context.Context, c *Cluster, name string) (int, error) {
	output, err := c.lockd(ctx, "show", name, "--output", "json")
	if err != nil {
		return 0, err
	}
	return strings.Count(string(output), `"place"`), nil
}

// handOvers are the times from one holder's release to the next one's grant, shortest first.
func (h *History) handOvers() []time.Duration {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	slices.SortFunc(h.holds, func(a, b Hold) int { return int(a.Token) - int(b.Token) })
	times := make([]time.Duration, 0, len(h.holds))
	for i := 1; i < len(h.holds); i++ {
		times = append(times, h.holds[i].Granted-h.holds[i-1].Released)
	}
	slices.Sort(times)
	return times
}
