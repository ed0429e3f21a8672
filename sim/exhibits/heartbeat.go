package exhibits

import "time"

var heartbeatsWithoutFencing = Exhibit{
	Name:  "heartbeats-without-fencing",
	Title: "A holder that proves each second that it lives, and a packet that is late",
	Design: `The lock has no time limit. Its holder sends a heartbeat each second, and the lock server takes the lock
away when it has not heard one for four seconds: however long the work takes, a holder that lives keeps its lock. It
writes only if a very recent heartbeat was answered.`,
	Fault: `Now and then the network holds up what a worker sends, for some seconds: its heartbeats, and its writes.
Nothing is lost.`,
	Lesson: `Silence does not prove death, and a holder that lives and has just been told that the lock is its own
can still be late: its write travels while the server's patience ends. A heartbeat is as good as a time limit, no
better. The file must compare tokens.`,
	Harm: LostUpdate, Seed: 29, Breaks: 459, lasts: time.Minute, play: playHeartbeats, twin: lateDemands,
}

// pulseLock is one lock server whose holders send it a heartbeat each second. A holder that it has not heard for a while
// must be dead, and the lock goes to the next. However long the work takes, a holder that lives keeps its lock.
type pulseLock struct {
	*machine
	silence time.Duration // after which a holder is taken for dead
	holder  string
	heard   time.Duration
}

func (l *pulseLock) acquire(who string) bool {
	if l.holder != "" && l.uptime() < l.heard+l.silence {
		return false
	}
	if l.holder != "" {
		l.say("the lock server has not heard %s for %v, takes it for dead, and grants the lock to %s", l.holder, l.silence, who)
	}
	l.holder, l.heard = who, l.uptime()
	return true
}

// beat notes that a holder lives, and tells whether it is the holder at all.
func (l *pulseLock) beat(who string) bool {
	if l.holder == who {
		l.heard = l.uptime()
	}
	return l.holder == who
}

func (l *pulseLock) release(who string) {
	if l.holder == who {
		l.holder = ""
	}
}

// playHeartbeats: three workers edit one file under such a lock, and what one of them sends is sometimes held up.
func playHeartbeats(s *stage) {
	lock := &pulseLock{machine: s.machine("the lock server"), silence: 4 * time.Second}
	report := s.file(false)
	for _, name := range workers {
		m := s.machine(name)
		m.start(func(p *process) {
			for {
				p.think()
				lock.edit(p, report)
			}
		})
		if s.faults {
			m.jams(20*time.Second, 3*time.Second, 15*time.Second)
		}
	}
}

// pulse is what a holder knows of its lock: that the server knew it to be alive at an instant of its own clock, or later.
type pulse struct {
	alive time.Duration
	ended bool
}

// edit is one worker's turn. It writes only when the server has very lately confirmed that the lock is its own.
func (l *pulseLock) edit(p *process, f *file) {
	known := &pulse{alive: p.uptime()}
	if granted, heard := call(p, l.machine, patience, func() bool { return l.acquire(p.name) }); !heard || !granted {
		return
	}
	p.say("%s is granted the lock, and begins to send heartbeats", p.name)
	p.start(func(beside *process) { l.beats(beside, known) })
	d, read := f.fetch(p, 0)
	p.pass(p.luck.Between(2*time.Second, 8*time.Second))
	if ago := p.uptime() - known.alive; read && ago < l.silence-safety {
		p.say("%s has changed its copy of version %d, knows of a heartbeat %s ago that was answered, and sends the file",
			p.name, d.base, round(ago))
		f.store(p, 0, d)
	} else {
		p.say("%s has had no answer to its heartbeats for %s, and throws its copy away", p.name, round(ago))
	}
	known.ended = true
	call(p, l.machine, patience, func() bool { l.release(p.name); return true })
}

// beats sends heartbeats beside the work. An answered one proves that the server knew of the holder when it was sent.
func (l *pulseLock) beats(p *process, known *pulse) {
	for !known.ended {
		sent := p.uptime()
		if mine, heard := call(p, l.machine, patience, func() bool { return l.beat(p.name) }); heard && mine {
			known.alive = sent
		}
		p.pass(time.Second)
	}
}
