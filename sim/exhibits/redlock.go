package exhibits

import (
	"slices"
	"strings"
	"time"

	"lockd/sim/draw"
)

var redlockWithClockJump = Exhibit{
	Name:  "redlock",
	Title: "Redlock: five stores, and a clock that jumps",
	Design: `Who has set its key in three of five independent stores holds the lock, for ten seconds less what the
asking took. Each store drops the key by its own clock. The network may lose messages, stores may even be down: no two
workers can have three stores of five.`,
	Fault: `A time server sets the clock of a store ahead, by up to a minute.`,
	Lesson: `A store whose clock was set drops the key early, and with it goes the majority that kept others out.
Safety hung on five clocks all being right. A lease may decide how long somebody waits; who may write has to be
decided without a clock. Redlock has no tokens to decide it with.`,
	Harm: TwoHolders, Seed: 56, Breaks: 401, lasts: time.Minute, play: playRedlock, twin: serversWhoseClocksJump,
}

// store is one of five that know nothing of each other, and keep a key until their wall clocks show that its time is over.
type store struct {
	*machine
	holder string
	until  time.Duration // by the wall clock
}

// set keeps a worker's key, unless there is one, and answers with the store's name if it did.
func (s *store) set(who string, ttl time.Duration) string {
	if s.holder != "" && s.wall() < s.until {
		return ""
	}
	s.holder, s.until = who, s.wall()+ttl
	return s.name
}

func (s *store) remove(who string) {
	if s.holder == who {
		s.holder = ""
	}
}

// redlock: who has set the key in three stores of five holds the lock, for as long as the first of them can't have dropped it.
type redlock struct {
	machines []*machine
	stores   map[*machine]*store
	ttl      time.Duration
}

// playRedlock: the network loses one message in eight, which five stores can bear. The fault: a time server sets
// clocks of stores ahead.
func playRedlock(s *stage) {
	s.loss = draw.Million / 8
	lock := &redlock{stores: map[*machine]*store{}, ttl: 10 * time.Second}
	for _, name := range [...]string{"store 1", "store 2", "store 3", "store 4", "store 5"} {
		m := s.machine(name)
		lock.machines = append(lock.machines, m)
		lock.stores[m] = &store{machine: m}
		if s.faults {
			m.jumps(30*time.Second, 5*time.Second, time.Minute)
		}
	}
	for _, name := range workers {
		s.machine(name).start(func(p *process) {
			for {
				p.think()
				lock.hold(p)
			}
		})
	}
}

// hold is one worker's turn. It counts its time from before it asked, and takes off a hundredth, as the rates of clocks differ.
func (l *redlock) hold(p *process) {
	asked := p.uptime()
	var set []string
	for _, name := range ask(p, l.machines, len(l.machines), 100*time.Millisecond, func(m *machine) string {
		return l.stores[m].set(p.name, l.ttl)
	}) {
		if name != "" {
			set = append(set, name)
		}
	}
	slices.Sort(set)
	left := asked + l.ttl - l.ttl/100 - p.uptime()
	if len(set) >= 3 && left > safety {
		p.say("%s holds the lock for %s: its key is in %s", p.name, round(left), strings.Join(set, ", "))
		p.believe(p.name, left)
		p.outcome.Work++
		p.pass(p.luck.Between(time.Second, 6*time.Second))
		p.say("%s gives the lock back", p.name)
		p.disbelieve(p.name)
	}
	ask(p, l.machines, len(l.machines), 100*time.Millisecond, func(m *machine) bool {
		l.stores[m].remove(p.name)
		return true
	})
}

// jumps has the machine's wall clock set ahead now and then.
func (m *machine) jumps(every, shortest, longest time.Duration) {
	luck := m.fate("jumps")
	m.haunt(luck, every, func() {
		by := luck.Between(shortest, longest)
		m.ahead += by
		m.say("a time server sets the clock of %s ahead by %s", m.name, round(by))
	})
}
