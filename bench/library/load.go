package library

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Outcome is what a load has come to.
type Outcome struct {
	Latencies []time.Duration // of each command that was committed while it was measured
	Took      time.Duration
	CPU       time.Duration // of this process meanwhile: all three members, and the workers
}

// warmUp is how long a load runs before it is measured.
const warmUp = 500 * time.Millisecond

// Load has a number of workers replicate commands of so many bytes, each one at a time.
func Load(group Group, workers, size int, duration time.Duration) (Outcome, error) {
	var measured, over atomic.Bool
	latencies, errs := make([][]time.Duration, workers), make([]error, workers)
	var working sync.WaitGroup
	for i := range workers {
		propose := group.Proposer()
		working.Go(func() {
			for errs[i] == nil && !over.Load() {
				begin := time.Now()
				errs[i] = propose(make([]byte, size))
				if errs[i] == nil && measured.Load() && !over.Load() {
					latencies[i] = append(latencies[i], time.Since(begin))
				}
			}
		})
	}
	time.Sleep(warmUp)
	before, began := processTime(), time.Now()
	measured.Store(true)
	time.Sleep(duration)
	over.Store(true)
	outcome := Outcome{Took: time.Since(began), CPU: processTime() - before}
	working.Wait()
	for _, l := range latencies {
		outcome.Latencies = append(outcome.Latencies, l...)
	}
	if err := errors.Join(errs...); err != nil {
		return Outcome{}, err
	}
	if len(outcome.Latencies) == 0 {
		return Outcome{}, fmt.Errorf("nothing was committed in %v", outcome.Took)
	}
	return outcome, nil
}

// processTime is the processor time, user and system, that this process has taken.
func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it fails for arguments that are wrong
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
