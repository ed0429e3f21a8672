package sim

import "time"

// kind tells what an event is.
type kind uint8

const (
	peerMessage   kind = iota + 1 // bytes of an envelope arrive at a member
	peerLost                      // a member learns that messages to another one were lost
	callsArrive                   // bytes of a client's calls arrive at a member
	repliesArrive                 // bytes of replies arrive at a client
	peerClosed                    // a member learns that the connection on which another one sends was closed
	linkBroken                    // both ends learn that a client's connection is gone
	memberAlarm                   // a member's deadline may have come
	memberDrain                   // a member has waited long enough for more inputs
	diskDone                      // a member's disk has synced
	snapshotDone                  // a member's snapshot is encoded and saved
	memberStarts
	memberResumes
	clientAlarm
	clientStarts
	clientResumes
	workerActs // a client's worker goes on
	resourceAsked
	resourceAnswers
	faultStrikes
	faultEnds
	leaderFalls
	oathBreaks
)

var kindNames = [...]string{"", "peer message", "peer lost", "calls", "replies", "peer closed", "link broken", "member alarm", "member drain", "disk done",
	"snapshot done", "member starts", "member resumes", "client alarm", "client starts", "client resumes", "worker acts",
	"resource asked", "resource answers", "fault strikes", "fault ends", "leader falls", "oath breaks"}

func (k kind) String() string { return kindNames[k] }

// event is something that happens at a place at an instant. What its fields mean depends on the kind; boot keeps an event
// from reaching a later process at the same place than the one it was meant for.
type event struct {
	kind   kind
	ghost  bool // a duplicate that the network delivers, connection or not
	place  int32
	from   int32
	boot   uint32
	number uint64
	bytes  []byte
}

// agenda holds what is still to happen, soonest first. Events of one instant come in an order drawn from the seed: an order
// in which they were made would hide what depends on it.
type agenda struct {
	order  draws
	keys   []key // a heap with four children to a node
	events []event
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

func (a *agenda) add(at time.Duration, e event) {
	slot := int32(len(a.events))
	if last := len(a.free) - 1; last >= 0 {
		slot, a.free = a.free[last], a.free[:last]
		a.events[slot] = e
	} else {
		a.events = append(a.events, e)
	}
	a.made++
	a.keys = append(a.keys, key{at: at, tie: uint32(a.order.Uint64()), slot: slot, made: a.made})
	a.rise(len(a.keys) - 1)
}

// next is when the soonest event happens.
func (a *agenda) next() (time.Duration, bool) {
	if len(a.keys) == 0 {
		return 0, false
	}
	return a.keys[0].at, true
}

// take removes the soonest event.
func (a *agenda) take() event {
	slot := a.keys[0].slot
	last := len(a.keys) - 1
	a.keys[0] = a.keys[last]
	a.keys = a.keys[:last]
	if last > 0 {
		a.sink(0)
	}
	e := a.events[slot]
	a.events[slot] = event{}
	a.free = append(a.free, slot)
	return e
}

func (a *agenda) rise(i int) {
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

func (a *agenda) sink(i int) {
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
