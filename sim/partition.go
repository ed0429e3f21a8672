package sim

import (
	"strings"
	"time"

	"lockd/schedule"
	"lockd/sim/draw"
)

// affliction keeps directions of links dead, until it is taken back.
type affliction struct {
	fault  schedule.Fault
	pairs  [][2]int
	over   bool
	begins time.Duration // zero: at once
	until  time.Duration
	// A flapping one comes and goes at this rhythm until its end.
	rhythm time.Duration
	idle   bool
}

// cut kills directions between places for a while: those that the plan names, or else those that it draws.
func (n *nemesis) cut(a *attack) bool {
	w := n.world
	pairs, drawn := n.named(a), n.drawCut(a)
	if len(pairs) == 0 {
		pairs = drawn
		for _, pair := range pairs {
			a.Cut = append(a.Cut, w.placeText(int32(pair[0]), int32(pair[1])))
		}
	}
	a.isLong()
	if len(pairs) == 0 {
		return false
	}
	w.tell("%v for %v: %s", a.Fault, a.lasts, n.story(a.Cut))
	broken := affliction{fault: a.Fault, pairs: pairs, until: w.now + a.lasts}
	if a.Fault == schedule.Flapping {
		broken.rhythm = draw.Pick(a.draws, 10*millisecond, 100*millisecond, w.knobs.election) + a.draws.Exponential(50*millisecond)
	}
	n.afflict(broken)
	return true
}

// afflict begins an affliction, and plans its end.
func (n *nemesis) afflict(a affliction) {
	w := n.world
	a.idle = w.now < a.begins
	if !a.idle {
		for _, pair := range a.pairs {
			w.network.sever(pair[0], pair[1], a.fault)
		}
	}
	n.under = append(n.under, a)
	w.agenda.Add(a.next(w.now), event{kind: faultEnds, number: uint64(len(n.under) - 1)})
}

// next is when it comes or goes again.
func (a *affliction) next(now time.Duration) time.Duration {
	switch {
	case now < a.begins:
		return min(a.until, a.begins)
	case a.rhythm != 0:
		return min(a.until, now+a.rhythm)
	}
	return a.until
}

// named are the directions that a plan names.
func (n *nemesis) named(a *attack) (pairs [][2]int) {
	for _, text := range a.Cut {
		if from, to, err := n.world.parsePlace(text); err == nil && to != nowhere {
			pairs = append(pairs, [2]int{int(from), int(to)})
		}
	}
	return pairs
}

// drawCut draws which directions a partition of this kind kills.
func (n *nemesis) drawCut(a *attack) (pairs [][2]int) {
	w := n.world
	shape := shape{
		fault: a.Fault, members: len(w.members), chosen: a.draws.Uint64(), victim: a.member.place, guest: len(w.members) + a.client.place,
		order: a.draws.Uint64(),
	}
	if a.Fault == schedule.Flapping {
		shape.fault = draw.Pick(a.draws, schedule.Split, schedule.Isolation, schedule.OneWay)
	}
	for from := range w.network.places {
		for to := range w.network.places {
			// Two clients don't talk to each other.
			if from != to && min(from, to) < len(w.members) && shape.kills(from, to) {
				pairs = append(pairs, [2]int{from, to})
			}
		}
	}
	return pairs
}

// shape is what a partition looks like.
type shape struct {
	fault   schedule.Fault
	members int
	chosen  uint64 // a bit for each place
	order   uint64 // draws the order of a ring
	victim  int    // place of a member
	guest   int    // place of a client
}

// kills tells whether the direction between two places is dead.
func (s *shape) kills(from, to int) bool {
	half := func(place int) bool { return s.chosen>>(place%64)&1 == 1 }
	between := from < s.members && to < s.members
	switch s.fault {
	case schedule.Split:
		return half(from) != half(to)
	case schedule.Bridge:
		return half(from) != half(to) && from != s.victim && to != s.victim
	case schedule.OneWay:
		return between && draw.NewDigest().Word(s.chosen).Word(uint64(from*100+to))%4 == 0
	case schedule.Ring:
		return between && !s.neighbours(from, to)
	case schedule.Isolation:
		return (from == s.victim || to == s.victim) && (between || half(0))
	case schedule.ClientCut:
		return from == s.guest && half(to) || to == s.guest && half(from)
	case schedule.ClientOneWay:
		if half(s.guest) {
			return from == s.guest && half(to)
		}
		return to == s.guest && half(from)
	}
	return false
}

// neighbours tells whether one member hears another one in a ring in which each hears just a majority, itself included. Of three each
// hears the one before it; of two nobody could be left out.
func (s *shape) neighbours(from, to int) bool {
	seat := func(place int) int { return (place*s.step() + int(s.order>>32)%s.members) % s.members }
	distance := (seat(to) - seat(from) + s.members) % s.members
	reach := s.members / 2
	if s.members <= 3 {
		return distance <= reach
	}
	return distance <= (reach+1)/2 || s.members-distance <= reach/2
}

// step turns the places into seats: any step works that has no factor in common with the number of members.
func (s *shape) step() int {
	if s.members%2 == 1 && s.members%3 != 0 && s.order%2 == 1 {
		return 2
	}
	return 1
}

// story shortens a long list of directions.
func (n *nemesis) story(cut []string) string {
	if len(cut) > 12 {
		return strings.Join(cut[:12], " ") + " ..."
	}
	return strings.Join(cut, " ")
}

// turn ends an affliction, or lets it begin, or lets one that flaps come or go.
func (n *nemesis) turn(index int) {
	a := &n.under[index]
	switch w := n.world; {
	case a.over:
	case w.now >= a.until:
		n.end(a)
		w.tell("%v is over", a.fault)
	default:
		a.idle = !a.idle
		for _, pair := range a.pairs {
			if a.idle {
				w.network.mend(pair[0], pair[1])
			} else {
				w.network.sever(pair[0], pair[1], a.fault)
			}
		}
		w.agenda.Add(a.next(w.now), event{kind: faultEnds, number: uint64(index)})
	}
}

func (n *nemesis) end(a *affliction) {
	if a.over {
		return
	}
	a.over = true
	for _, pair := range a.pairs {
		if !a.idle {
			n.world.network.mend(pair[0], pair[1])
		}
	}
}
