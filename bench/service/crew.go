package service

import (
	"context"
	"errors"
	"sync"
)

// hands is how many sessions are opened or closed at the same time.
const hands = 32

// openAll opens sessions.
func openAll(count int, open func() (Session, error)) ([]Session, error) {
	sessions, errs := make([]Session, count), make([]error, count)
	manyHands(count, func(i int) { sessions[i], errs[i] = open() })
	return sessions, errors.Join(errs...)
}

// closeAll closes those that were opened. One that can't be closed ends by its TTL.
func closeAll(ctx context.Context, sessions []Session) {
	manyHands(len(sessions), func(i int) {
		if sessions[i] != nil {
			_ = sessions[i].Close(ctx)
		}
	})
}

func manyHands(count int, work func(int)) {
	var working sync.WaitGroup
	next := make(chan int)
	for range min(hands, count) {
		working.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := range count {
		next <- i
	}
	close(next)
	working.Wait()
}
