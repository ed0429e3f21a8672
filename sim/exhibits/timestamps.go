package exhibits

import "time"

var timestampsAsTokens = Exhibit{
	Name:  "timestamps-as-tokens",
	Title: "Fencing tokens that are timestamps, and a second server with another clock",
	Design: `The file compares tokens, so workers may be stopped for as long as one likes. A token is the time at
which the lock was granted. When the lock server dies, a second one takes over, but only after it has heard nothing
for longer than any lease: there are never two holders.`,
	Fault: `The first server dies, which is what the second one is for. The clock of the second one stands behind, by
up to a minute.`,
	Lesson: `The second server is later, and its tokens are lower. The file refuses the rightful holder, and an old
holder that wakes up would be let in before it. No clock orders what two machines do. A token must be a number that
rises in the memory of the lock itself, and that memory must outlive every server: it takes consensus.`,
	Harm: HolderRefused, Seed: 155, Breaks: 715, lasts: time.Minute, play: playTimestamps, twin: leadersWithOtherClocks,
}

// clockLock is a lock server whose tokens are timestamps: milliseconds since 1970, say, as its wall clock shows them. A second
// server stands by. It takes over when the first one has been silent for longer than any lease that it may have given.
type clockLock struct {
	*machine
	ttl    time.Duration
	serves bool
	holder string
	until  time.Duration
	last   uint64
}

// acquire grants the lock with a token: zero, if it does not. The clock may stand still for a millisecond; the tokens of one
// server rise all the same.
func (l *clockLock) acquire(who string) uint64 {
	if !l.serves || l.holder != "" && l.uptime() < l.until {
		return 0
	}
	l.last = max(l.last+1, uint64(l.wall()/time.Millisecond))
	l.holder, l.until = who, l.uptime()+l.ttl
	return l.last
}

func (l *clockLock) release(token uint64) {
	if l.last == token {
		l.holder = ""
	}
}

// standBy looks after the first server, and takes over once it is surely dead and all its leases are over.
func (l *clockLock) standBy(p *process, first *machine) {
	heard := p.uptime()
	for p.uptime() < heard+l.ttl+patience {
		asked := p.uptime()
		if _, answered := call(p, first, patience, func() bool { return true }); answered {
			heard = asked
		}
		p.pass(time.Second)
	}
	l.serves = true
	p.say("the second lock server takes over: the first one has been silent for longer than any lease. Its own clock shows second %d",
		l.wall()/time.Second)
}

// playTimestamps: the file compares tokens, so that workers may be stopped for as long as one likes. The first lock server
// dies. It does so without the fault as well; the fault is a second server whose clock stands behind.
func playTimestamps(s *stage) {
	first := &clockLock{machine: s.machine("the first lock server"), ttl: 10 * time.Second, serves: true}
	second := &clockLock{machine: s.machine("the second lock server"), ttl: 10 * time.Second}
	first.ahead, second.ahead = time.Hour, time.Hour+time.Duration(second.luck.Below(20))*time.Millisecond
	report := s.file(true)
	second.start(func(p *process) { second.standBy(p, first.machine) })
	fate := first.fate("end")
	s.after(fate.Between(5*time.Second, 25*time.Second), func() {
		s.say("the first lock server dies; its clock showed second %d", first.wall()/time.Second)
		first.dead = true
	})
	if behind := fate.Between(0, time.Minute); s.faults {
		second.ahead -= behind
	}
	for _, name := range workers {
		m := s.machine(name)
		m.start(func(p *process) {
			for {
				p.think()
				first.edit(p, report)
				second.edit(p, report)
			}
		})
		m.pauses(20*time.Second, 5*time.Second, 25*time.Second)
	}
}

// edit is one worker's turn with one of the servers.
func (l *clockLock) edit(p *process, f *file) {
	token, heard := call(p, l.machine, patience, func() uint64 { return l.acquire(p.name) })
	if !heard || token == 0 {
		return
	}
	p.say("%s is granted the lock with token %d", p.name, token)
	d, admitted := f.fetch(p, token)
	if admitted {
		p.pass(p.luck.Between(500*time.Millisecond, 2*time.Second))
		admitted = f.store(p, token, d)
	}
	if !admitted {
		l.judge(p, token, f)
	}
	call(p, l.machine, patience, func() bool { l.release(token); return true })
}

// judge looks at a refusal: who holds the lock at this instant is in the right, whatever its token.
func (l *clockLock) judge(p *process, token uint64, f *file) {
	if !l.dead && l.last == token && l.uptime() < l.until && token < f.mark {
		l.harm(HolderRefused, "%s holds the lock, and is refused: its token %d is lower than %d, that of an earlier holder",
			p.name, token, f.mark)
	}
}
