package workload

import (
	"context"
	"sync/atomic"
	"time"

	"lockd/bench/service"
)

// Queue has all clients want one lock: whoever gets it releases it at once, and queues again. A hand-over is from the holder's call of release
// to the return of the next holder's acquire, and counts only if that is another client.
func Queue(ctx context.Context, c *service.Cluster, clients int, duration time.Duration) (Figures, error) {
	crew, err := c.Connect(ctx, clients)
	if err != nil {
		return nil, err
	}
	defer crew.HangUp()
	ctx, cancel := context.WithTimeout(ctx, warmUp+duration+overtime)
	defer cancel()
	load := newLoad(c, duration)
	var baton baton
	for i, session := range crew.Sessions {
		mutex := session.Mutex("shared")
		load.worker(func() (time.Duration, error) {
			if err := mutex.Lock(ctx); err != nil {
				return 0, err
			}
			latency := baton.pass(i)
			return latency, mutex.Unlock(ctx)
		})
	}
	return load.figures(HandOversPerSecond)
}

// baton goes from holder to holder. It is the lock that keeps them apart.
type baton struct {
	holder   atomic.Int64 // the latest one, counted from 1; zero: nobody had it yet
	released atomic.Int64 // when that one was about to release it, counted from start
}

var start = time.Now()

// pass is called by a holder that is about to release. It returns how long the hand-over to it took; -1: it had been the holder before.
func (b *baton) pass(client int) time.Duration {
	now, me := time.Since(start), int64(client)+1
	before := b.holder.Swap(me)
	latency := now - time.Duration(b.released.Load())
	if before == 0 || before == me {
		latency = -1
	}
	b.released.Store(int64(time.Since(start)))
	return latency
}
