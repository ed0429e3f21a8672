package cluster

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// retransmission is how long TCP waits at least before it sends a lost packet again, on Linux. What was sent after it waits as well.
const retransmission = 200 * time.Millisecond

// Way is one direction of the traffic between two places, on all of their connections. It is open, until it is hindered.
type Way struct {
	mutex      sync.Mutex
	hindrances []*Hindrance
	changed    chan struct{} // closed and replaced when a hindrance comes or goes
}

// Hindrance is what befalls the bytes on a way, for as long as it is in force. The same one may be in force on several ways.
//
// TCP hides what a network does to packets: a lost one is sent again, and a cut cable is a pause, after which everything arrives
// that was sent before it, unless an end has lost its patience. So no hindrance takes bytes out of a connection. They come late, in their order,
// or, if the connection is reset meanwhile, never.
type Hindrance struct {
	Dead  bool          // nothing goes on, not even the end of a connection
	Delay time.Duration // what has arrived waits so long, and what comes after it waits behind it
	Loss  int64         // in parts per million: how often a packet is lost, and waits to be sent again
	bites atomic.Uint64
}

// Bites tells how often bytes were held back.
func (h *Hindrance) Bites() uint64 { return h.bites.Load() }

func newWay() *Way { return &Way{changed: make(chan struct{})} }

// Hinder puts a hindrance in force.
func (w *Way) Hinder(h *Hindrance) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.hindrances = append(w.hindrances, h)
	w.change()
}

// Relieve takes one back.
func (w *Way) Relieve(h *Hindrance) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.hindrances = slices.DeleteFunc(w.hindrances, func(other *Hindrance) bool { return other == h })
	w.change()
}

func (w *Way) change() {
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *Way) now() ([]*Hindrance, <-chan struct{}) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.hindrances), w.changed
}

// hold keeps a piece of data back for as long as the way demands. It is false when the connection is over first.
func (w *Way) hold(over <-chan struct{}) bool {
	hindrances, _ := w.now()
	return rest(over, lateness(hindrances)) && w.awaitLife(over)
}

// lateness is by how much a piece of data comes late.
func lateness(hindrances []*Hindrance) time.Duration {
	var late time.Duration
	for _, h := range hindrances {
		more := h.Delay
		for wait := retransmission; wait < 8*retransmission && rand.Int64N(1_000_000) < h.Loss; wait *= 2 {
			more += wait
		}
		if more > 0 {
			h.bites.Add(1)
		}
		late += more
	}
	return late
}

// awaitLife waits until no hindrance is a dead one.
func (w *Way) awaitLife(over <-chan struct{}) bool {
	for {
		hindrances, changed := w.now()
		dead := false
		for _, h := range hindrances {
			if h.Dead {
				h.bites.Add(1)
				dead = true
			}
		}
		if !dead {
			return true
		}
		select {
		case <-changed:
		case <-over:
			return false
		}
	}
}

func rest(over <-chan struct{}, moment time.Duration) bool {
	if moment == 0 {
		return true
	}
	timer := time.NewTimer(moment)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-over:
		return false
	}
}
