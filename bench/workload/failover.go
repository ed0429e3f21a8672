package workload

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"lockd/bench/service"
)

// Names of the metrics of a failover.
const (
	FirstGrant = "first grant ms"
	AllServed  = "all served ms"
)

const (
	failoverClients = 16
	// attemptPatience is how long a client waits for a lock, or for its release, until it tries again.
	attemptPatience = 300 * time.Millisecond
	// healPatience bounds how long it may take until all are served.
	healPatience = 30 * time.Second
)

// Failover kills the leader under clients that grab locks of their own. It measures from the kill to the end of the first acquire that was
// started when the leader was gone, and until each client has had one. The cluster is left without it.
func Failover(ctx context.Context, c *service.Cluster) (Figures, error) {
	ctx, cancel := context.WithTimeout(ctx, healPatience+overtime)
	defer cancel()
	crew, err := c.Connect(ctx, failoverClients)
	if err != nil {
		return nil, err
	}
	defer crew.HangUp()
	leader, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	stage := &failover{gone: make(chan struct{}), over: make(chan struct{})}
	stage.unserved.Add(failoverClients)
	for i, session := range crew.Sessions {
		stage.clients.Go(func() { stage.client(ctx, i, session) })
	}
	time.Sleep(warmUp)
	figures, err := stage.kill(ctx, leader)
	close(stage.over)
	stage.clients.Wait()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.System.Name, err)
	}
	return figures, nil
}

// failover is what clients and the one who kills know together.
type failover struct {
	gone     chan struct{} // closed when the leader is
	over     chan struct{}
	clients  sync.WaitGroup
	unserved sync.WaitGroup

	mutex  sync.Mutex
	grants []time.Time // each client's first
}

func (f *failover) kill(ctx context.Context, leader *service.Process) (Figures, error) {
	killed := time.Now()
	leader.Kill()
	close(f.gone)
	served := make(chan struct{})
	go func() {
		f.unserved.Wait()
		close(served)
	}()
	select {
	case <-served:
	case <-time.After(healPatience):
		return nil, fmt.Errorf("not all clients were served %v after the leader was killed", healPatience)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	slices.SortFunc(f.grants, time.Time.Compare)
	return Figures{
		FirstGrant: milliseconds(f.grants[0].Sub(killed)), AllServed: milliseconds(f.grants[failoverClients-1].Sub(killed)),
	}, nil
}

// client grabs a lock of its own again and again. After an attempt that failed it takes another lock: whether it still has the old one, or
// will be granted it, it does not know, and it shall not wait for itself.
func (f *failover) client(ctx context.Context, number int, session service.Session) {
	served, attempts := false, 0
	mutex := session.Mutex(fmt.Sprintf("failing-%d", number))
	for ctx.Err() == nil && !closed(f.over) {
		counts := closed(f.gone)
		granted, err := grab(ctx, mutex)
		if err != nil {
			attempts++
			mutex = session.Mutex(fmt.Sprintf("failing-%d-%d", number, attempts))
		}
		if counts && !served && !granted.IsZero() {
			f.note(granted)
			served = true
		}
	}
}

func (f *failover) note(granted time.Time) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.grants = append(f.grants, granted)
	f.unserved.Done()
}

// grab tells when the lock was granted, if it was, and whether anything went wrong.
func grab(ctx context.Context, mutex service.Mutex) (granted time.Time, err error) {
	acquiring, cancel := context.WithTimeout(ctx, attemptPatience)
	defer cancel()
	if err := mutex.Lock(acquiring); err != nil {
		return time.Time{}, err
	}
	granted = time.Now()
	releasing, cancel := context.WithTimeout(ctx, attemptPatience)
	defer cancel()
	return granted, mutex.Unlock(releasing)
}
