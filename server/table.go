package server

import (
	"maps"
	"slices"

	"lockd/lockfsm"
	"lockd/raft"
)

// table holds the calls that wait for consensus, each in exactly one of its three rooms.
type table struct {
	// proposed are commands on their way through the log, in the order of their entries.
	proposed []proposal
	// waiting are Acquires that stand in a queue, by place. A repeated Acquire waits beside the first.
	waiting map[lockfsm.Place][]waiter
	// reading are queries that wait for a confirmed read; nil: the caller has hung up. Such a one still counts, because consensus
	// still has its read: callers that hang up and call again must not make more of these than there may be calls.
	reading map[CallID]Request

	where map[CallID]lockfsm.Place // of those that wait, their place; of those proposed, zero
	// patient counts the Acquires among them that are ready to wait, perhaps for ever.
	patient int
}

// proposal is an entry that calls wait for.
type proposal struct {
	index raft.Index
	call  CallID // zero: the node itself proposed it, or its caller has hung up
	// orphan says that the caller of an Acquire without a number has hung up: what it gets is taken back.
	orphan   bool
	command  lockfsm.Command // kept for Acquires only
	renewals []renewal       // of a Renew
}

// waiter is a call that waits for a lock.
type waiter struct {
	call    CallID
	acquire lockfsm.Acquire
}

// renewal is a call for one session's renewal.
type renewal struct {
	call    CallID
	session lockfsm.SessionID
}

func newTable() table {
	return table{
		waiting: map[lockfsm.Place][]waiter{},
		reading: map[CallID]Request{},
		where:   map[CallID]lockfsm.Place{},
	}
}

// size is the number of calls in flight.
func (t *table) size() int { return len(t.where) + len(t.reading) }

// propose files calls under the entry that they wait for.
func (t *table) propose(p proposal) {
	t.proposed = append(t.proposed, p)
	if p.call != 0 {
		t.where[p.call] = 0
		t.patient += patience(p.command)
	}
	for _, r := range p.renewals {
		t.where[r.call] = 0
	}
}

// patience is one for a command that is ready to wait, and zero for all others.
func patience(command lockfsm.Command) int {
	if acquire, is := command.(lockfsm.Acquire); is && acquire.Wait != lockfsm.NoWait {
		return 1
	}
	return 0
}

// take removes the proposal at index. It must be the first one.
func (t *table) take(index raft.Index) (proposal, bool) {
	if len(t.proposed) == 0 || t.proposed[0].index > index {
		return proposal{}, false
	}
	if t.proposed[0].index < index {
		panic("server: an entry that calls wait for was passed over")
	}
	p := t.proposed[0]
	t.proposed[0] = proposal{}
	t.proposed = t.proposed[1:]
	if p.call != 0 {
		delete(t.where, p.call)
		t.patient -= patience(p.command)
	}
	for _, r := range p.renewals {
		delete(t.where, r.call)
	}
	return p, true
}

// wait files a call under a place in a queue.
func (t *table) wait(place lockfsm.Place, w waiter) {
	t.waiting[place] = append(t.waiting[place], w)
	t.where[w.call] = place
	t.patient++
}

// settle removes the calls that waited at a place.
func (t *table) settle(place lockfsm.Place) []waiter {
	settled := t.waiting[place]
	delete(t.waiting, place)
	t.patient -= len(settled)
	for _, w := range settled {
		delete(t.where, w.call)
	}
	return settled
}

// read removes a query, and returns what it asks for. Nil: nobody waits for the answer.
func (t *table) read(id CallID) Request {
	request := t.reading[id]
	delete(t.reading, id)
	return request
}

// places are those at which calls wait, in order.
func (t *table) places() []lockfsm.Place { return slices.Sorted(maps.Keys(t.waiting)) }

// hangup removes a call from wherever it is, and returns the Acquire that has to be taken back, if any.
func (t *table) hangup(id CallID) (abandoned lockfsm.Withdraw, found bool) {
	if _, reading := t.reading[id]; reading {
		t.reading[id] = nil
		return abandoned, false
	}
	place, known := t.where[id]
	delete(t.where, id)
	switch {
	case !known:
		return abandoned, false
	case place == 0:
		t.orphan(id)
		return abandoned, false
	}
	at := slices.IndexFunc(t.waiting[place], func(w waiter) bool { return w.call == id })
	gone := t.waiting[place][at].acquire
	t.patient--
	t.waiting[place] = slices.Delete(t.waiting[place], at, at+1)
	if len(t.waiting[place]) == 0 {
		delete(t.waiting, place)
	}
	return lockfsm.Withdraw{Name: gone.Name, Place: place}, gone.Sequence == 0
}

// orphan takes the caller away from a command that is on its way.
func (t *table) orphan(id CallID) {
	for i := range t.proposed {
		p := &t.proposed[i]
		if p.call == id {
			p.call = 0
			t.patient -= patience(p.command)
			acquire, is := p.command.(lockfsm.Acquire)
			p.orphan = is && acquire.Sequence == 0
			return
		}
		for j := range p.renewals {
			if p.renewals[j].call == id {
				p.renewals[j].call = 0
				return
			}
		}
	}
}
