package client

import (
	"sync"

	"lockd/client/session"
)

// mail is something that happened, for a session's goroutine.
type mail struct {
	input   session.Input
	attempt *attempt // of an Acquire: who is to hear of it
}

// inbox takes what happens in from any goroutine, and never blocks one: a reader of the network that waited for a session
// would hold up all others. What it holds is bounded by the requests that are in flight.
type inbox struct {
	mutex sync.Mutex
	mail  []mail
	wake  chan struct{}
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (i *inbox) put(m mail) {
	i.mutex.Lock()
	i.mail = append(i.mail, m)
	i.mutex.Unlock()
	signal(i.wake)
}

func (i *inbox) take() []mail {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	all := i.mail
	i.mail = nil
	return all
}
