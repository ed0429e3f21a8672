package exhibits

import (
	"time"

	"lockd/sim/draw"
)

// machine is a computer: it has two clocks, and whatever happens on it waits while it stands still and is off once it is dead.
type machine struct {
	*stage
	name  string
	luck  draw.Draws
	ahead time.Duration // of its wall clock before true time

	still   bool
	dead    bool
	backlog []func()      // what came while it stood still
	jammed  time.Duration // until when what it sends waits in the network

	processes []*process
}

func (s *stage) machine(name string) *machine {
	m := &machine{stage: s, name: name, luck: draw.New(s.seed, "machine "+name)}
	s.machines = append(s.machines, m)
	return m
}

// uptime is the monotonic clock: it counts evenly, also while the machine stands still, and means nothing to any other machine.
func (m *machine) uptime() time.Duration { return m.now }

// wall is the clock that shows the date. People and time servers set it.
func (m *machine) wall() time.Duration { return m.now + m.ahead }

// later has something happen on the machine.
func (m *machine) later(wait time.Duration, happens func()) {
	m.after(wait, func() {
		switch {
		case m.dead:
		case m.still:
			m.backlog = append(m.backlog, happens)
		default:
			happens()
		}
	})
}

// pause lets the machine stand still. It does not notice: its programs go on where they were.
func (m *machine) pause(lasts time.Duration) {
	if m.still || m.dead {
		return
	}
	m.still = true
	m.say("%s stands still, as in a long garbage collection, and won't notice", m.name)
	m.after(lasts, func() {
		m.say("%s goes on after %s, as if nothing had happened", m.name, round(lasts))
		m.still = false
		waiting := m.backlog
		m.backlog = nil
		for _, happens := range waiting {
			happens()
		}
	})
}

// send carries a message to another machine, which does something when it has it. Messages are lost as often as the stage says.
func (m *machine) send(to *machine, do func()) {
	wait := time.Millisecond + m.delays.Exponential(5*time.Millisecond)
	lost := m.delays.Chance(m.loss)
	if lost {
		return
	}
	to.later(wait+max(0, m.jammed-m.now), do)
}

// fate is a stream of draws for what befalls the machine.
func (m *machine) fate(what string) draw.Draws { return draw.New(m.seed, what+" of "+m.name) }

// round makes a duration readable.
func round(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }
