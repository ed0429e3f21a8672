package growth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockd/bench/service"
)

const (
	// LocksPerSession is how many locks each session holds: so 100,000 locks are those of 1,000 sessions.
	LocksPerSession = 100
	holders         = 64 // at work at the same time
	sessionsAtOnce  = 1000
)

// holding is a session that is left to the servers: longer than anything here takes.
var holding = service.Wish{TTL: 2 * time.Hour}

// Hold has locks held that were not before: those with numbers from one on, up to another. It returns when the members have recovered from that:
// a snapshot that is still being taken would be charged to whoever is measured next.
func Hold(ctx context.Context, c *service.Cluster, from, to int) error {
	for ; from < to; from += sessionsAtOnce * LocksPerSession {
		until := min(to, from+sessionsAtOnce*LocksPerSession)
		if err := hold(ctx, c, from, until); err != nil {
			return fmt.Errorf("holding locks %d to %d: %w", from, until, err)
		}
	}
	for _, p := range c.Processes {
		if err := await(ctx, c, p, "its snapshots to be saved", saved); err != nil {
			return err
		}
	}
	return nil
}

// saved tells whether every snapshot that was ordered is.
func saved(m service.Metrics) bool {
	return m["lockd_snapshot_seconds_count"] == m["lockd_snapshots_total"]
}

// hold opens sessions for the locks, and leaves them: the client's end closes nothing.
func hold(ctx context.Context, c *service.Cluster, from, to int) error {
	crew, err := service.OpenLockd(ctx, c, (to-from+LocksPerSession-1)/LocksPerSession, holding)
	if err != nil {
		return err
	}
	defer crew.Leave()
	errs := make([]error, len(crew.Sessions))
	next := make(chan int)
	var working sync.WaitGroup
	for range holders {
		working.Go(func() {
			for i := range next {
				first := from + i*LocksPerSession
				errs[i] = grab(ctx, crew.Sessions[i], first, min(to, first+LocksPerSession))
			}
		})
	}
	for i := range crew.Sessions {
		next <- i
	}
	close(next)
	working.Wait()
	return errors.Join(errs...)
}

func grab(ctx context.Context, session service.Session, from, to int) error {
	for i := from; i < to; i++ {
		if err := session.Mutex(fmt.Sprintf("held/%d", i)).Lock(ctx); err != nil {
			return err
		}
	}
	return nil
}
