package exhibits

import "time"

var ttlWithoutFencing = Exhibit{
	Name:  "ttl-without-fencing",
	Title: "A lock with a time limit, and a file that believes everybody",
	Design: `One lock server grants the lock for ten seconds. If the holder crashes, its time runs out and the next
one is let in. Workers are careful: they count their time from before they asked, and look at the clock once more
before they write.`,
	Fault: `Now and then a worker stands still for longer than its time: a garbage collection, a debugger, a virtual
machine that is moved.`,
	Lesson: `Between the last look at the clock and the write there is always an instant, and a pause can fall into
it. No client can close that gap, for it does not know that it was stopped. Only the file can: it must compare fencing
tokens, and refuse the older one.`,
	Harm: LostUpdate, Seed: 430, Breaks: 79, lasts: time.Minute, play: playTTL, twin: stoppedHolder,
}

// ttlLock is one lock server that gives the lock to who asks first, for a while: a holder that crashed must not block the
// others for ever. It is right about its own clock, and never fails.
type ttlLock struct {
	*machine
	ttl    time.Duration
	holder string
	until  time.Duration
}

func (l *ttlLock) acquire(who string) bool {
	if l.holder != "" && l.uptime() < l.until {
		return false
	}
	if l.holder != "" {
		l.say("the lock server's patience with %s is over: it grants the lock to %s", l.holder, who)
	}
	l.holder, l.until = who, l.uptime()+l.ttl
	return true
}

func (l *ttlLock) release(who string) {
	if l.holder == who {
		l.holder = ""
	}
}

// playTTL: three workers edit one file under such a lock, and are sometimes stopped.
func playTTL(s *stage) {
	lock := &ttlLock{machine: s.machine("the lock server"), ttl: 10 * time.Second}
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
			m.pauses(20*time.Second, 5*time.Second, 25*time.Second)
		}
	}
}

// edit is one worker's turn. It counts its lease from before it asked, and has a last look at its clock before it writes.
func (l *ttlLock) edit(p *process, f *file) {
	end := p.uptime() + l.ttl
	if granted, heard := call(p, l.machine, patience, func() bool { return l.acquire(p.name) }); !heard || !granted {
		return
	}
	p.say("%s is granted the lock for %v", p.name, l.ttl)
	d, read := f.fetch(p, 0)
	p.pass(p.luck.Between(time.Second, 4*time.Second))
	if left := end - p.uptime(); read && left > safety {
		p.say("%s has changed its copy of version %d, sees that the lock is its own for %s more, and sends the file",
			p.name, d.base, round(left))
		p.pass(p.luck.Between(50*time.Millisecond, 500*time.Millisecond)) // to pack it
		f.store(p, 0, d)
	} else {
		p.say("%s sees that its time is over, and throws its copy away", p.name)
	}
	call(p, l.machine, patience, func() bool { l.release(p.name); return true })
}
