package exhibits

import "time"

var releaseWithoutToken = Exhibit{
	Name:  "release-without-token",
	Title: "A release that does not say whose lock it means",
	Design: `One lock server grants the lock for ten seconds, and frees it when it hears a release. Workers work for
less than that, and give the lock back while it is surely still their own.`,
	Fault: `Now and then the network holds up what a worker sends. Nothing is lost.`,
	Lesson: `A release that arrives late frees whatever lock there is by then: somebody else's. A release must name
the grant that it ends, by its token; for any other the server must do nothing.`,
	Harm: TwoHolders, Seed: 28, Breaks: 365, lasts: time.Minute, play: playRelease, twin: strayReleases,
}

// namelessLock is one lock server that gives the lock for a while, and frees it when it is told so: it does not ask who tells.
type namelessLock struct {
	*machine
	ttl   time.Duration
	held  bool
	until time.Duration
}

func (l *namelessLock) acquire() bool {
	if l.held && l.uptime() < l.until {
		return false
	}
	l.held, l.until = true, l.uptime()+l.ttl
	return true
}

// playRelease: three workers take turns. Everybody works for less than the lock lasts, and gives it back in time. The fault:
// what a worker sends is late now and then.
func playRelease(s *stage) {
	lock := &namelessLock{machine: s.machine("the lock server"), ttl: 10 * time.Second}
	for _, name := range workers {
		m := s.machine(name)
		m.start(func(p *process) {
			for {
				p.think()
				lock.hold(p)
			}
		})
		if s.faults {
			m.jams(20*time.Second, 5*time.Second, 15*time.Second)
		}
	}
}

// hold is one worker's turn. It works only while its lease surely lasts, and gives the lock back while it is still its own.
func (l *namelessLock) hold(p *process) {
	end := p.uptime() + l.ttl
	if granted, heard := call(p, l.machine, patience, l.acquire); !heard || !granted {
		return
	}
	left := end - p.uptime()
	p.say("%s is granted the lock, for %s", p.name, round(left))
	p.believe(p.name, left)
	p.outcome.Work++
	p.pass(p.luck.Between(3*time.Second, 8*time.Second))
	p.say("%s has done its work, and gives the lock back", p.name)
	p.disbelieve(p.name)
	call(p, l.machine, patience, func() bool {
		if l.held {
			l.say("the lock server hears a release, by %s, and frees the lock", p.name)
		}
		l.held = false
		return true
	})
}
