package exhibits

import (
	"time"

	"lockd/sim/draw"
)

var quorumWithoutConsensus = Exhibit{
	Name:  "quorum-without-consensus",
	Title: "Three replicas, two of which suffice, and nobody who decides",
	Design: `The lock is a record on three replicas. Who finds it free on two of them claims it, with the next
version, and holds the lock when two have taken the claim; a claim that reached too few is taken back. Any two
replicas have one in common with any other two, so nobody is overlooked.`,
	Fault: `One replica is down for repair, which is what the third is for. The machine of a worker dies for good in
the middle of a claim. (If two replicas have taken the claim by then, the lock has a dead holder. That is another
story, and not counted here.)`,
	Lesson: `A write that reached one of three replicas has neither happened nor not happened, and there is nobody to
settle it. Whoever reads meets it, takes it for a holder, and waits for a release that nobody will ever send. A time
limit in the record would only bring back the exhibits with clocks. Consensus settles every entry: it is in the log of
a majority, or the next leader removes it.`,
	Harm: BlockedForEver, Seed: 9, Breaks: 236, lasts: 100 * time.Second, play: playQuorum, twin: entriesThatReachFew,
}

// record is what three replicas keep: who holds the lock, and a version that rises with each change. It is the fencing token.
type record struct {
	version uint64
	holder  string
}

// replica is one of the three. It takes newer records only.
type replica struct{ record }

func (r *replica) put(new record) bool {
	if new.version <= r.version {
		return false
	}
	r.record = new
	return true
}

// quorumLock is a lock without anybody who decides: what two replicas of three have taken is written, and who asks two of them
// hears from at least one what was written last.
type quorumLock struct {
	machines []*machine
	replicas map[*machine]*replica
	claims   int
	fatal    int // the claim in the middle of which its machine dies; zero: none
	fate     draw.Draws
	blockade blockade
}

const majority = 2

// playQuorum: one replica of three is down for repair, which is what quorums are there to bear. The fault: the
// machine of a worker dies, for good, in the middle of a claim.
func playQuorum(s *stage) {
	lock := &quorumLock{replicas: map[*machine]*replica{}, fate: draw.New(s.seed, "fatal claim")}
	lock.blockade = blockade{taken: map[record][]string{}, told: map[string]bool{}}
	for _, name := range [...]string{"replica 1", "replica 2", "replica 3"} {
		m := s.machine(name)
		lock.machines, lock.replicas[m] = append(lock.machines, m), &replica{}
	}
	down := lock.machines[lock.fate.Below(3)]
	down.dead = true
	s.say("%s is down for repair; the other two are a quorum", down.name)
	if fatal := lock.fate.Below(10) + 1; s.faults {
		lock.fatal = fatal
	}
	report := s.file(true)
	for _, name := range workers {
		s.machine(name).start(func(p *process) {
			for {
				p.think()
				lock.edit(p, report)
			}
		})
	}
}

// read asks for the record. The newer one of two answers counts.
func (l *quorumLock) read(p *process) (newest record, known bool) {
	answers := ask(p, l.machines, majority, patience, func(m *machine) record { return l.replicas[m].record })
	for _, r := range answers {
		if r.version >= newest.version {
			newest = r
		}
	}
	return newest, len(answers) >= majority
}

// write tells whether two replicas have taken a record.
func (l *quorumLock) write(p *process, new record) bool {
	taken := 0
	answers := ask(p, l.machines, majority, patience, func(m *machine) bool {
		if !l.replicas[m].put(new) {
			return false
		}
		l.blockade.taken[new] = append(l.blockade.taken[new], m.name)
		return true
	})
	for _, took := range answers {
		if took {
			taken++
		}
	}
	return taken >= majority
}

// claim writes that the worker holds the lock.
func (l *quorumLock) claim(p *process, new record) bool {
	if l.claims++; l.claims == l.fatal {
		p.later(l.fate.Exponential(time.Millisecond), func() { l.blockade.begins(p.machine, new) })
	}
	return l.write(p, new)
}

// edit is one worker's turn. A claim that reached too few replicas is taken back before the worker does anything else.
func (l *quorumLock) edit(p *process, f *file) {
	before, known := l.read(p)
	if !known || before.holder != "" {
		l.blockade.judge(p, before)
		return
	}
	mine := record{before.version + 1, p.name}
	if l.claim(p, mine) {
		p.say("%s holds the lock, with token %d", p.name, mine.version)
		if d, read := f.fetch(p, mine.version); read {
			p.pass(p.luck.Between(500*time.Millisecond, 2*time.Second))
			f.store(p, mine.version, d)
		}
	}
	l.giveBack(p, mine)
}

// giveBack writes that nobody holds the lock, until two replicas agree that the worker does not.
func (l *quorumLock) giveBack(p *process, mine record) {
	for mine.holder == p.name {
		l.write(p, record{mine.version + 1, ""})
		if now, known := l.read(p); known {
			mine = now
		}
	}
}

// blockade is the judge. It knows which replicas took which record. If a quorum took the claim of the machine that died, the
// lock has a dead holder, and that is another story. If fewer did, nobody ever held that lock.
type blockade struct {
	taken map[record][]string
	claim record // the one in the middle of which a machine died
	since time.Duration
	told  map[string]bool
}

func (b *blockade) begins(m *machine, claim record) {
	m.say("the machine of %s dies for good, in the middle of its claim of version %d", m.name, claim.version)
	m.dead, b.claim, b.since = true, claim, m.now
}

// judge hears that a worker was told that the lock is held. After a minute nothing will ever change: nothing here waits for
// time.
func (b *blockade) judge(p *process, read record) {
	took := b.taken[read]
	if read != b.claim || len(took) >= majority {
		return
	}
	if !b.told[p.name] {
		p.say("%s asks two replicas, and reads from %s that %s holds the lock; so it waits", p.name, took[0], read.holder)
		b.told[p.name] = true
	}
	if p.now-b.since > time.Minute {
		p.harm(BlockedForEver, "%s never got the lock, only %s took its claim, and yet nobody was let in for a minute",
			read.holder, took[0])
	}
}
