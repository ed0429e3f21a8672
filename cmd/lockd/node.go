package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"lockd/daemon"
	"lockd/wal"
)

// stopPatience bounds how long a node takes to hand over and stop.
const stopPatience = 10 * time.Second

// stops are the signals that stop a node.
var stops = []os.Signal{syscall.SIGINT, syscall.SIGTERM}

// explainStart says what can be done about a node that does not start.
func explainStart(err error, ports string) error {
	if _, damaged := errors.AsType[*wal.DamageError](err); damaged {
		return fail(exitSystem, "%w: the node can't tell who it was or what it has promised, and refuses to serve rather than forget it; the other members serve on, as long as most "+
			"of them run. Bring the directory's content back as it was, from this very disk, if it can be had; or replace the member: see lockd help member. Only where most members are lost for good: lockd recover", err)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fail(exitSystem, "%w: choose another port with %s", err, ports)
	case errors.Is(err, wal.ErrInUse):
		return fail(exitSystem, "%w: does another lockd run there? --data names the directory", err)
	case errors.Is(err, wal.ErrRetired):
		return fail(exitSystem, "%w: serve from the directory that lockd recover made", err)
	case errors.Is(err, wal.ErrWrongMember), errors.Is(err, wal.ErrWrongCluster):
		return fail(exitSystem, "%w: is --data the right directory, and --id the right number?", err)
	case errors.Is(err, wal.ErrNewerFormat):
		return fail(exitSystem, "%w: run the version that wrote it, or a newer one", err)
	}
	return fail(exitSystem, "%w", err)
}

// untilStopped waits for a signal, or for the end of a node, and then stops all of them at once. A second signal ends the process where it stands:
// whoever sends it has waited long enough, and what was acknowledged is on disk.
func untilStopped(nodes []*daemon.Daemon, signals <-chan os.Signal) error {
	ended := make(chan error, len(nodes))
	for _, node := range nodes {
		go func() {
			<-node.Done()
			ended <- node.Err()
		}()
	}
	var cause error
	select {
	case <-signals:
	case cause = <-ended:
		cause = fmt.Errorf("a node ended: %w", cause)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stopAll(nodes) }()
	select {
	case err := <-stopped:
		if cause != nil {
			return fail(exitSystem, "%w", cause)
		}
		return err
	case again := <-signals:
		return quietExit(exitSignal + int(again.(syscall.Signal)))
	}
}

func stopAll(nodes []*daemon.Daemon) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	errs := make([]error, len(nodes))
	var stopping sync.WaitGroup
	for i, node := range nodes {
		stopping.Go(func() { errs[i] = node.Stop(ctx) })
	}
	stopping.Wait()
	return errors.Join(errs...)
}

func notifyStops() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, heeded(stops)...)
	return signals, func() { signal.Stop(signals) }
}
