package cluster

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"lockd/schedule"
)

// Profile is what the schedules of trials on real processes name.
const Profile = "cluster"

// How faults follow each other. Several are in force most of the time, and now and then the cluster has a moment to itself.
const (
	pace     = 1500 * time.Millisecond // from one fault to the next, in the mean
	prelude  = 2 * time.Second         // before the first one
	coda     = 2 * time.Second         // from the last one to the end, at least
	recovery = time.Second             // before a member that was down counts as up
)

// minority is how many members may be down at a time.
func minority(members int) int { return (members - 1) / 2 }

// crewOf is the crew to which a client belongs. Clients are dealt out in turn.
func crewOf(client, crews int) int { return (client-1)%crews + 1 }

// Draw draws what goes wrong in a trial: the same for the same arguments. All kinds of fault come in turn, in another order each
// time, so that a trial of more than a minute has each of them. A Server of zero is whoever leads when the time has come:
// who that will be can't be drawn.
func Draw(seed uint64, members, clients int, duration time.Duration) schedule.Schedule {
	s := schedule.Schedule{Seed: seed, Profile: Profile, Nodes: members, Clients: clients, Duration: schedule.Duration(duration), Faults: []schedule.Strike{}}
	order := rand.New(rand.NewPCG(seed, 0))
	drawers := map[schedule.Fault]*drawer{}
	down := make([]time.Duration, minority(members)) // until when each place among those that may be down is taken
	var deck []schedule.Fault
	for at := prelude; at < duration-coda; at += pace/2 + time.Duration(order.Int64N(int64(pace))) {
		if len(deck) == 0 {
			deck = possible()
			order.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		fault := deck[0]
		deck = deck[1:]
		if drawers[fault] == nil {
			// A stream of its own for each kind: a change in how one is drawn changes no other.
			drawers[fault] = &drawer{rand.New(rand.NewPCG(seed, uint64(fault)+1)), members, clients, 0}
		}
		strike := drawers[fault].draw(fault, at)
		if attacks[fault].downs {
			free := slices.Index(down, slices.Min(down))
			strike.At = max(strike.At, schedule.Duration(down[free]))
			down[free] = time.Duration(strike.At+strike.Lasts) + recovery
		}
		if time.Duration(strike.At) < duration-coda {
			s.Faults = append(s.Faults, strike)
		}
	}
	slices.SortStableFunc(s.Faults, func(a, b schedule.Strike) int { return cmp.Compare(a.At, b.At) })
	return s
}

// often are the faults that come more often than others: a holder that stops, and does not know that time has passed, is what a
// fence is for.
var often = []schedule.Fault{schedule.ClientPause, schedule.ClientPause, schedule.Coup}

// possible are the faults that can be done to real processes without any privilege, each as often as it is to come in turn.
func possible() []schedule.Fault {
	var all []schedule.Fault
	for f := range schedule.Faults {
		if attacks[f].befall != nil {
			all = append(all, f)
		}
	}
	return append(all, often...)
}

// drawer draws the strikes of one kind of fault.
type drawer struct {
	*rand.Rand
	members, clients int
	drawn            uint64
}

func (d *drawer) draw(fault schedule.Fault, at time.Duration) schedule.Strike {
	d.drawn++
	s := schedule.Strike{Fault: fault, Number: d.drawn, At: schedule.Duration(at.Truncate(time.Millisecond))}
	attacks[fault].draw(d, &s)
	return s
}

// pick is one of the choices, give or take a fifth.
func (d *drawer) pick(choices ...time.Duration) time.Duration {
	chosen := choices[d.IntN(len(choices))]
	return (chosen*4/5 + time.Duration(d.Int64N(int64(chosen*2/5)))).Truncate(time.Millisecond)
}

// A while is from less than an election takes to much longer. A nap is that of a client: most outlast its session.
func (d *drawer) while() schedule.Duration {
	return schedule.Duration(d.pick(200*time.Millisecond, time.Second, 2*time.Second, 4*time.Second))
}

func (d *drawer) nap() schedule.Duration {
	return schedule.Duration(d.pick(time.Second, loadTTL+2*time.Second, loadTTL+3*time.Second, loadTTL+4*time.Second))
}

// server is a member's number, or, every other time, zero: whoever leads.
func (d *drawer) server() int { return d.IntN(2) * d.member() }

func (d *drawer) member() int { return 1 + d.IntN(d.members) }

func (d *drawer) client() int { return 1 + d.IntN(d.clients) }

// halves deals places out to two sides. Neither is empty of members.
func (d *drawer) halves() (left func(place) bool) {
	chosen := map[place]bool{}
	for _, number := range d.Perm(d.members)[:1+d.IntN(d.members-1)] {
		chosen[member(number+1)] = true
	}
	for c := range crews(d.clients) {
		chosen[place{true, c + 1}] = d.IntN(2) == 0
	}
	return func(p place) bool { return chosen[p] }
}

// cut names the directions that a rule picks, of all that there are. A crew goes by the name of its first client.
func (d *drawer) cut(picks func(direction) bool) []string {
	var cut []string
	for _, each := range directions(d.members, crews(d.clients)) {
		if picks(each) {
			cut = append(cut, each.String())
		}
	}
	return cut
}

// directions are all between members, and between crews and members, in order.
func directions(members, crews int) []direction {
	var all []direction
	for i := range members {
		for j := range members {
			if i != j {
				all = append(all, direction{member(i + 1), member(j + 1)})
			}
		}
	}
	for c := range crews {
		for i := range members {
			crew := place{true, c + 1}
			all = append(all, direction{crew, member(i + 1)}, direction{member(i + 1), crew})
		}
	}
	return all
}

func drawSplit(d *drawer, s *schedule.Strike) {
	left := d.halves()
	s.Lasts, s.Cut = d.while(), d.cut(func(w direction) bool { return left(w.from) != left(w.to) })
}

func drawFlapping(d *drawer, s *schedule.Strike) {
	drawSplit(d, s)
	s.Lasts, s.Amount = 2*s.Lasts, int64(d.pick(50*time.Millisecond, 200*time.Millisecond, 600*time.Millisecond))
}

func drawOneWay(d *drawer, s *schedule.Strike) {
	for s.Lasts = d.while(); len(s.Cut) == 0; {
		s.Cut = d.cut(func(w direction) bool { return !w.from.crew && !w.to.crew && d.IntN(2) == 0 })
	}
}

// drawBridge leaves one member that hears both halves.
func drawBridge(d *drawer, s *schedule.Strike) {
	order := d.Perm(d.members)
	side := func(p place) int {
		switch at := slices.Index(order, p.number-1); {
		case at == 0:
			return 0 // the bridge
		case at <= (d.members-1)/2:
			return 1
		}
		return -1
	}
	s.Lasts, s.Cut = d.while(), d.cut(func(w direction) bool {
		return !w.from.crew && !w.to.crew && side(w.from)*side(w.to) == -1
	})
}

// drawRing seats the members around a table. Of five, each hears its two neighbours; of three, the one to its left.
func drawRing(d *drawer, s *schedule.Strike) {
	order := d.Perm(d.members)
	s.Lasts, s.Cut = d.while(), d.cut(func(w direction) bool {
		if w.from.crew || w.to.crew {
			return false
		}
		steps := (slices.Index(order, w.from.number-1) - slices.Index(order, w.to.number-1) + d.members) % d.members
		return steps != 1 && (d.members == 3 || steps != d.members-1)
	})
}

// drawClientCut cuts a crew off, from all members or from some.
func drawClientCut(d *drawer, s *schedule.Strike) {
	s.Client, s.Lasts = d.client(), d.nap()
	spared := 0
	if d.IntN(2) == 0 {
		spared = d.member()
	}
	crew := place{true, crewOf(s.Client, crews(d.clients))}
	s.Cut = d.cut(func(w direction) bool {
		return w.from == crew && w.to.number != spared || w.to == crew && w.from.number != spared
	})
}

// drawClientOneWay makes a crew deaf, or mute.
func drawClientOneWay(d *drawer, s *schedule.Strike) {
	s.Client, s.Lasts = d.client(), d.nap()
	crew, deaf := place{true, crewOf(s.Client, crews(d.clients))}, d.IntN(2) == 0
	s.Cut = d.cut(func(w direction) bool { return deaf && w.to == crew || !deaf && w.from == crew })
}
