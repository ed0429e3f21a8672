package exhibits

import (
	"fmt"
	"time"

	"lockd/sim/agenda"
	"lockd/sim/draw"
)

// Tell hears a story, a sentence at a time, each with its true time.
type Tell func(at time.Duration, sentence string)

// stage is the world of one performance: machines, what they send each other, and what is still to happen. Everything on it is
// a function of the seed. True time is known to the stage and to its judges; machines have clocks of their own.
type stage struct {
	seed   uint64
	faults bool // whether the fault of the exhibit comes about; without it every design here works
	mended bool // whether the design is played with what it lacked
	tell   Tell

	now      time.Duration
	agenda   agenda.Agenda[func()]
	machines []*machine
	delays   draw.Draws
	loss     int // how many messages in a million are lost
	outcome  Outcome
	belief   belief
}

func newStage(seed uint64, faults, mended bool, tell Tell) *stage {
	s := &stage{seed: seed, faults: faults, mended: mended, tell: tell}
	s.agenda = agenda.New[func()](draw.New(seed, "order"))
	s.delays = draw.New(seed, "delays")
	return s
}

// after has something happen later, to the world and not on a machine.
func (s *stage) after(wait time.Duration, happens func()) { s.agenda.Add(s.now+wait, happens) }

// perform lets everything happen up to an instant, or until a judge has seen harm.
func (s *stage) perform(end time.Duration) {
	for s.outcome.Harm == None {
		at, any := s.agenda.Next()
		if !any || at > end {
			break
		}
		s.now = at
		s.agenda.Take()()
	}
}

// curtain ends every program that has not ended by itself.
func (s *stage) curtain() {
	for _, m := range s.machines {
		for _, p := range m.processes {
			p.stop()
		}
	}
}

func (s *stage) say(format string, arguments ...any) {
	if s.tell != nil {
		s.tell(s.now, fmt.Sprintf(format, arguments...))
	}
}

// harm is a judge's finding. The first one counts.
func (s *stage) harm(h Harm, format string, arguments ...any) {
	if s.outcome.Harm != None {
		return
	}
	s.outcome.Harm, s.outcome.Message, s.outcome.At = h, fmt.Sprintf(format, arguments...), s.now
	s.say("%s: %s", h, s.outcome.Message)
}

// belief is what a worker takes for true, and rightly: that the lock is its own, until it gives it back or its time is over.
type belief struct {
	who   string
	until time.Duration
}

// believe is the judge of mutual exclusion: nobody may begin to hold a lock that somebody else still holds.
func (s *stage) believe(who string, lasts time.Duration) {
	if b := s.belief; b.who != "" && b.who != who && s.now < b.until {
		s.harm(TwoHolders, "%s is granted the lock while %s holds it, who has not given it back, and whose time is not over",
			who, b.who)
	}
	s.belief = belief{who, s.now + lasts}
}

func (s *stage) disbelieve(who string) {
	if s.belief.who == who {
		s.belief = belief{}
	}
}
