package library

import "sync"

// inbox gathers what happened until a loop takes all of it at once.
type inbox[T any] struct {
	wake   chan struct{} // there is something
	mutex  sync.Mutex
	events []T
	closed bool
}

func newInbox[T any]() *inbox[T] { return &inbox[T]{wake: make(chan struct{}, 1)} }

// post is false when the inbox is closed.
func (i *inbox[T]) post(events ...T) bool {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if i.closed {
		return false
	}
	i.events = append(i.events, events...)
	i.signal()
	return true
}

// take swaps the events for an empty slice. False: it is closed.
func (i *inbox[T]) take(empty []T) ([]T, bool) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	taken := i.events
	i.events = empty[:0]
	return taken, !i.closed
}

func (i *inbox[T]) close() {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.closed = true
	i.signal()
}

func (i *inbox[T]) signal() {
	select {
	case i.wake <- struct{}{}:
	default: // it is awake already
	}
}

// proposal is a command on its way. Done has room for the answer.
type proposal struct {
	command []byte
	done    chan error
}

// proposer makes the function that Group wants out of a way to hand proposals in.
func proposer(post func(proposal) bool) func([]byte) error {
	done := make(chan error, 1)
	return func(command []byte) error {
		if !post(proposal{command, done}) {
			return errClosed
		}
		return <-done
	}
}
