package daemon

import (
	"sync"

	"lockd/raft"
)

// maxInbox is how many events may wait before those who bring more are held up.
const maxInbox = 16 << 10

// inbox is what happened and was not yet told to the server.
type inbox struct {
	wake chan struct{} // there is something

	mutex  sync.Mutex
	room   sync.Cond
	events []event
	// durable is the newest completion of the disk. It is cumulative, so one place holds
	// all of them, and the disk never waits for room: the loop may be what it would wait for.
	durable uint64
	told    uint64 // of durable
	closed  bool
}

// event is a server.Input, a transport.Call, or an observation.
type event any

func newInbox() *inbox {
	i := &inbox{wake: make(chan struct{}, 1)}
	i.room.L = &i.mutex
	return i
}

// post adds events, and waits while there is no room for any. False: the inbox is closed, and none was added.
func (i *inbox) post(events ...event) bool {
	i.mutex.Lock()
	for len(i.events) >= maxInbox && !i.closed {
		i.room.Wait()
	}
	return i.add(events)
}

// urge adds events without waiting: those of the node's own goroutines, each of which has a few at most, and
// the questions of probes, which must get through where calls are held up. Whoever probes waits for the answer, so that there
// are no more of these than probes are open.
func (i *inbox) urge(events ...event) bool {
	i.mutex.Lock()
	return i.add(events)
}

func (i *inbox) add(events []event) bool {
	defer i.mutex.Unlock()
	if i.closed {
		return false
	}
	i.events = append(i.events, events...)
	i.signal()
	return true
}

// persisted says up to which record the disk is durable.
func (i *inbox) persisted(sequence uint64) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.durable = max(i.durable, sequence)
	i.signal()
}

func (i *inbox) signal() {
	select {
	case i.wake <- struct{}{}:
	default: // it is awake already
	}
}

// take empties the inbox into a slice that swaps places with the inbox's own. False: the inbox was closed.
func (i *inbox) take(empty []event) ([]event, bool) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	taken := i.events
	i.events = empty[:0]
	if i.durable > i.told {
		i.told = i.durable
		taken = append(taken, raft.Persisted{Sequence: i.durable})
	}
	if len(taken) >= maxInbox {
		i.room.Broadcast()
	}
	return taken, !i.closed
}

// depth is how many events wait.
func (i *inbox) depth() int {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return len(i.events)
}

// close lets nothing more in. What is in there can still be taken.
func (i *inbox) close() {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.closed = true
	i.room.Broadcast()
	i.signal()
}
