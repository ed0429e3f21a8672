package exhibits

import (
	"time"

	"lockd/sim/draw"
)

// workers are who wants the lock.
var workers = [...]string{"Ann", "Ben", "Cleo"}

const (
	// patience is how long everybody waits for an answer.
	patience = 2 * time.Second
	// safety is what a worker must have left of its lease to begin a write: longer than a write ever takes, as it thinks.
	safety = time.Second
)

// think is what a worker does between two attempts.
func (p *process) think() { p.pass(p.luck.Between(200*time.Millisecond, 3*time.Second)) }

// pauses lets the machine stand still now and then.
func (m *machine) pauses(every, shortest, longest time.Duration) {
	luck := m.fate("pauses")
	m.haunt(luck, every, func() { m.pause(luck.Between(shortest, longest)) })
}

// haunt has something befall the machine again and again.
func (m *machine) haunt(luck draw.Draws, every time.Duration, befalls func()) {
	m.after(luck.Exponential(every), func() {
		befalls()
		m.haunt(luck, every, befalls)
	})
}

// jams lets what the machine sends wait in the network now and then.
func (m *machine) jams(every, shortest, longest time.Duration) {
	luck := m.fate("jams")
	m.haunt(luck, every, func() {
		lasts := luck.Between(shortest, longest)
		if m.now < m.jammed {
			return
		}
		m.say("the network holds up what %s sends, for %s: nothing is lost, but all of it will be late", m.name, round(lasts))
		m.jammed = m.now + lasts
	})
}
