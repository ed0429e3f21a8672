package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockd/bench/service"
)

// Names of the metrics of the leader's memory.
const (
	MemoryOfLocks    = "with 100,000 locks MiB"
	MemoryOfSessions = "1,000 sessions MiB"
	MemoryEmpty      = "empty MiB"
)

const (
	memorySessions  = 1000
	locksPerSession = 100
	// settling is how long a server is left alone before its memory is looked at.
	settling = 2 * time.Second
)

// Memory looks at the leader's resident set when there is nothing, when there are sessions, and when each of them holds locks.
func Memory(ctx context.Context, c *service.Cluster) (Figures, error) {
	figures := Figures{}
	look := func(metric string) error {
		time.Sleep(settling)
		leader, err := c.Leader(ctx)
		if err != nil {
			return err
		}
		bytes, err := leader.Memory()
		figures[metric] = float64(bytes) / (1 << 20)
		return err
	}
	if err := look(MemoryEmpty); err != nil {
		return nil, err
	}
	crew, err := c.Connect(ctx, memorySessions)
	if err != nil {
		return nil, err
	}
	defer crew.HangUp()
	if err := look(MemoryOfSessions); err != nil {
		return nil, err
	}
	if err := holdMany(ctx, crew); err != nil {
		return nil, fmt.Errorf("%s: %w", c.System.Name, err)
	}
	return figures, look(MemoryOfLocks)
}

// holdMany has each session acquire its locks.
func holdMany(ctx context.Context, crew *service.Crew) error {
	const atOnce = 64
	errs := make([]error, len(crew.Sessions))
	next := make(chan int)
	var working sync.WaitGroup
	for range atOnce {
		working.Go(func() {
			for i := range next {
				errs[i] = hold(ctx, crew.Sessions[i], i)
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

func hold(ctx context.Context, session service.Session, number int) error {
	for i := range locksPerSession {
		if err := session.Mutex(fmt.Sprintf("held-%d-%d", number, i)).Lock(ctx); err != nil {
			return err
		}
	}
	return nil
}
