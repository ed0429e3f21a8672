package workload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockd/bench/report"
	"lockd/bench/service"
)

// Figures are a point's values, by the names of metrics.
type Figures = map[string]float64

// warmUp is how long a load runs before it is measured: until all clients are at work, and queues are as long as they get.
const warmUp = time.Second

// overtime is how much longer than it was told to a load may take, until its last answers have come.
const overtime = 30 * time.Second

// Names of the metrics.
const (
	PairsPerSecond     = "pairs/s"
	HandOversPerSecond = "hand-overs/s"
	P50                = "p50 ms"
	P99                = "p99 ms"
	CPU                = "server CPU µs"
)

// Pairs has each client grab and release a lock of its own, again and again.
func Pairs(ctx context.Context, c *service.Cluster, clients int, duration time.Duration) (Figures, error) {
	crew, err := c.Connect(ctx, clients)
	if err != nil {
		return nil, err
	}
	defer crew.HangUp()
	return PairsOf(ctx, c, crew, duration)
}

// PairsOf is Pairs by clients who are connected.
func PairsOf(ctx context.Context, c *service.Cluster, crew *service.Crew, duration time.Duration) (Figures, error) {
	ctx, cancel := context.WithTimeout(ctx, warmUp+duration+overtime)
	defer cancel()
	load := newLoad(c, duration)
	for i, session := range crew.Sessions {
		mutex := session.Mutex(fmt.Sprintf("own-%d", i))
		load.worker(func() (time.Duration, error) { return pair(ctx, mutex) })
	}
	return load.figures(PairsPerSecond)
}

// pair tells how long it took.
func pair(ctx context.Context, mutex service.Mutex) (time.Duration, error) {
	begin := time.Now()
	if err := mutex.Lock(ctx); err != nil {
		return 0, err
	}
	err := mutex.Unlock(ctx)
	return time.Since(begin), err
}

// load is a number of workers that do one thing again and again, and what came out while it was measured.
type load struct {
	cluster  *service.Cluster
	duration time.Duration
	workers  sync.WaitGroup
	measured chan struct{} // closed when measuring begins
	over     chan struct{} // closed when it ends

	mutex     sync.Mutex // guards what follows
	latencies []time.Duration
	errs      []error
}

func newLoad(c *service.Cluster, duration time.Duration) *load {
	return &load{cluster: c, duration: duration, measured: make(chan struct{}), over: make(chan struct{})}
}

// worker repeats an act until the load is over. What the act returns is its latency; a negative one does not count as done.
func (l *load) worker(act func() (time.Duration, error)) {
	l.workers.Go(func() {
		var latencies []time.Duration
		err := error(nil)
		for err == nil && !closed(l.over) {
			var latency time.Duration
			latency, err = act()
			if err == nil && latency >= 0 && closed(l.measured) && !closed(l.over) {
				latencies = append(latencies, latency)
			}
		}
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.latencies = append(l.latencies, latencies...)
		if !closed(l.over) { // at the end, waiting is cut short
			l.errs = append(l.errs, err)
		}
	})
}

// figures measures for as long as it was told to.
func (l *load) figures(rate string) (Figures, error) {
	time.Sleep(warmUp)
	before, errBefore := l.cluster.CPU()
	began := time.Now()
	close(l.measured)
	time.Sleep(l.duration)
	took := time.Since(began)
	close(l.over)
	after, errAfter := l.cluster.CPU()
	l.workers.Wait()
	if err := errors.Join(append(l.errs, errBefore, errAfter)...); err != nil {
		return nil, fmt.Errorf("%s: %w", l.cluster.System.Name, err)
	}
	done := float64(len(l.latencies))
	if done == 0 {
		return nil, fmt.Errorf("%s did nothing in %v", l.cluster.System.Name, took)
	}
	return Figures{
		rate: done / took.Seconds(), CPU: float64((after - before).Microseconds()) / done,
		P50: milliseconds(report.Quantile(l.latencies, 0.50)), P99: milliseconds(report.Quantile(l.latencies, 0.99)),
	}, nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
