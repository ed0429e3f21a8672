// Package agenda holds what is still to happen in a simulated world, soonest first.
package agenda

import (
	"time"

	"lockd/sim/draw"
)

// Agenda is a heap of events. Those of one instant come in an order drawn from its stream: the order in which they were made
// would hide what depends on it.
type Agenda[E any] struct {
	order  draw.Draws
	keys   []key // a heap with four children to a node
	events []E
	free   []int32
	made   uint64
}

type key struct {
	at   time.Duration
	tie  uint32
	slot int32
	made uint64
}

func (a key) before(b key) bool {
	switch {
	case a.at != b.at:
		return a.at < b.at
	case a.tie != b.tie:
		return a.tie < b.tie
	}
	return a.made < b.made
}

// New returns an empty agenda that draws the order of simultaneous events from a stream of its own.
func New[E any](order draw.Draws) Agenda[E] { return Agenda[E]{order: order} }

// Add puts an event down for an instant.
func (a *Agenda[E]) Add(at time.Duration, e E) { a.AddTied(at, uint32(a.order.Uint64()), e) }

// AddTied does the same, with a given number in place of the draw: of two events of one instant the one with the lower number comes first.
func (a *Agenda[E]) AddTied(at time.Duration, tie uint32, e E) {
	slot := int32(len(a.events))
	if last := len(a.free) - 1; last >= 0 {
		slot, a.free = a.free[last], a.free[:last]
		a.events[slot] = e
	} else {
		a.events = append(a.events, e)
	}
	a.made++
	a.keys = append(a.keys, key{at: at, tie: tie, slot: slot, made: a.made})
	a.rise(len(a.keys) - 1)
}

// Next is when the soonest event happens, and whether there is one.
func (a *Agenda[E]) Next() (time.Duration, bool) {
	if len(a.keys) == 0 {
		return 0, false
	}
	return a.keys[0].at, true
}

// Take removes the soonest event.
func (a *Agenda[E]) Take() E {
	slot := a.keys[0].slot
	last := len(a.keys) - 1
	a.keys[0] = a.keys[last]
	a.keys = a.keys[:last]
	if last > 0 {
		a.sink(0)
	}
	e := a.events[slot]
	var none E
	a.events[slot] = none
	a.free = append(a.free, slot)
	return e
}

func (a *Agenda[E]) rise(i int) {
	k := a.keys[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !k.before(a.keys[parent]) {
			break
		}
		a.keys[i] = a.keys[parent]
		i = parent
	}
	a.keys[i] = k
}

func (a *Agenda[E]) sink(i int) {
	k := a.keys[i]
	for {
		least := 4*i + 1
		if least >= len(a.keys) {
			break
		}
		for child := least + 1; child < min(4*i+5, len(a.keys)); child++ {
			if a.keys[child].before(a.keys[least]) {
				least = child
			}
		}
		if !a.keys[least].before(k) {
			break
		}
		a.keys[i] = a.keys[least]
		i = least
	}
	a.keys[i] = k
}
