package sim

import (
	"lockd/schedule"
	"lockd/sim/draw"
)

// site is where one kind of accident may happen: on a direction of a link, at a member or at a client. It counts the occasions,
// and each has a draw of its own, so that an accident less changes nothing in the others.
type site struct {
	world    *world
	fault    schedule.Fault
	from, to int32
	key      draw.Digest
	count    uint64
}

// accident names an occasion.
type accident struct {
	fault    schedule.Fault
	from, to int32
	number   uint64
}

func (w *world) site(f schedule.Fault, from, to int) site {
	key := draw.NewDigest().Text("accident").Word(w.config.Seed).Word(uint64(f)).Word(uint64(from)).Word(uint64(to))
	return site{world: w, fault: f, from: int32(from), to: int32(to), key: key}
}

// strikes counts an occasion, and tells whether the accident happens. Who lets it happen says so with happened.
func (s *site) strikes() bool {
	w := s.world
	if !w.knobs.enabled[s.fault] || w.healed {
		return false
	}
	s.count++
	if w.config.Schedule != nil {
		return w.accidents[accident{s.fault, s.from, s.to, s.count}]
	}
	return s.key.Word(s.count).Below(draw.Million) < w.knobs.chance[s.fault]
}

// happened counts and records the accident that the last occasion was.
func (s *site) happened() {
	w := s.world
	w.strike(s.fault)
	switch s.fault {
	case schedule.Loss, schedule.Duplicate, schedule.Straggler, schedule.ClientReset, schedule.Stray:
		w.observe(s.fault) // the difference is made at once
	}
	w.record(schedule.Strike{Fault: s.fault, Place: w.placeText(s.from, s.to), Number: s.count, At: schedule.Duration(w.now)})
}

// draws are the last occasion's own.
func (s *site) draws() draw.Draws { return draw.Named(s.key.Word(s.count).Word(1)) }
