package explore

import (
	"fmt"
	"math/bits"

	"lockd/raft"
)

// kind is what happens in an action.
type kind uint8

// Whatever stands from timeout on lets time pass: what is under way by then, and not among what is kept, is lost.
const (
	deliver kind = iota // a message arrives
	repeat              // a message arrives, and stays under way to arrive once more
	sync                // the disk has finished the first record that it was given
	timeout             // patience runs out, or the next heartbeat is due
	silence             // a leader has heard of nobody for as long as an election timeout
	propose             // a client's command reaches a leader
	change              // a leader is asked for another membership
	crash               // power is lost, and returns
)

func (k kind) passesTime() bool { return k >= timeout }

func (k kind) String() string {
	return [...]string{"deliver", "repeat", "sync", "timeout", "silence", "propose", "change", "crash"}[k]
}

// action is one step from a state to the next, taken by one member.
type action struct {
	kind  kind
	place uint8  // the member's
	at    uint8  // deliver and repeat: where the message stands among those under way
	gone  group  // change: who is to be removed
	kept  uint32 // if time passes: which messages stay under way, as a set of places; everything: all of them
}

const everything = ^uint32(0)

// under adds to dst what is still under way after an action.
func under[T any](dst, network []T, a action) []T {
	switch {
	case a.kind == deliver:
		return append(append(dst, network[:a.at]...), network[a.at+1:]...)
	case !a.kind.passesTime() || a.kept == everything:
		return append(dst, network...)
	}
	for i := range network {
		if a.kept&(1<<i) != 0 {
			dst = append(dst, network[i])
		}
	}
	return dst
}

// keep lists the choices of which messages stay under way of so many, when at most so many may. All choices keep as many as they can: who
// keeps fewer has nothing that could not be lost later.
func keep(messages, most int) (choices []uint32) {
	if most >= messages {
		return []uint32{everything}
	}
	if messages >= 32 && most > 0 {
		panic(fmt.Sprintf("explore: %d messages are under way, too many to choose from", messages))
	}
	for set := uint64(1)<<most - 1; set>>messages == 0; set = next(set) {
		choices = append(choices, uint32(set))
		if set == 0 {
			break
		}
	}
	return choices
}

// next is the next higher number with as many bits (Hacker's Delight, 2-1: Gosper's hack).
func next(set uint64) uint64 {
	lowest := set & -set
	ripple := set + lowest
	return ripple | (set^ripple)>>2/lowest
}

// group is a set of members: whoever has the ID n is bit n.
type group uint8

func (g group) ids() (all []raft.ID) {
	for n := raft.ID(1); n <= mostNodes; n++ {
		if g&(1<<n) != 0 {
			all = append(all, n)
		}
	}
	return all
}

// removals are the changes that a leader is asked for: that one of so many members goes, itself perhaps, or up to so many at once. Whether they
// belong to the cluster is for the leader to say.
func removals(nodes, atOnce int) (sets []group) {
	for set := group(2); int(set) < 2<<nodes; set += 2 {
		if bits.OnesCount8(uint8(set)) <= atOnce {
			sets = append(sets, set)
		}
	}
	return sets
}

// id is who stands at a place.
func id[P int | uint8](place P) raft.ID { return raft.ID(place) + 1 }
