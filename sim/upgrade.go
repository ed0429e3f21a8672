package sim

import (
	"errors"
	"time"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/schedule"
	"lockd/server"
	"lockd/sim/draw"
)

// Rolling upgrades. In some runs the members begin with programs of different versions, and an operator installs others, one member at a time, as a
// rule later ones. He may also go back, which is his right until the version is in force; who is given an old program then is refused, and says
// what it takes. The version in force only rises, and nobody's log has what its own program can't read.

// program is the lockd that is installed at a member.
type program struct {
	supports lockfsm.Version
	dated    site // whether the first one is old, and after that, whether it is replaced by one under an Upgrade
	// could is until when a process ran here that supported a version, or a later one.
	could [lockfsm.Newest + 1]time.Duration
}

func (w *world) newProgram(place int) program {
	p := program{supports: lockfsm.Newest, dated: w.site(schedule.Upgrade, place, nowhere)}
	if p.dated.strikes() {
		p.dated.happened()
		p.supports = lockfsm.Oldest
	}
	return p
}

// drawUpgrades draws whether the cluster is upgraded while it works, from a stream of its own.
func (k *knobs) drawUpgrades(c Config) {
	d := draw.New(c.Seed, "upgrades")
	some := d.Chance(draw.Million / 4)
	k.chance[schedule.Upgrade] = draw.Pick(d, 300_000, 700_000, draw.Million)
	k.every[schedule.Upgrade] = draw.Pick(d, 300*millisecond, second, 3*second)
	switch c.Profile {
	case Default, Swarm, MembersChange:
		k.enabled[schedule.Upgrade] = some && k.enabled != [schedule.Faults]bool{}
	case Versions:
		k.enabled[schedule.Upgrade] = true
	}
}

// install is an operator who replaces a member's program and starts it again.
func (n *nemesis) install(a *attack) bool {
	m, d := a.member, a.draws
	back := d.Chance(draw.Million / 6)
	a.hitsMember()
	if a.Amount == 0 {
		a.Amount = int64(lockfsm.Newest)
		if back {
			a.Amount = int64(lockfsm.Oldest)
		}
	}
	if version := lockfsm.Version(a.Amount); version != m.supports && m.up() && version <= lockfsm.Newest {
		n.world.tell("server %d is given a program that supports version %d", m.id, version)
		m.kill(m.downtime())
		m.supports = version
		return true
	}
	return false
}

// undermine gives a member an old program at the moment at which a leader proposes a version, to whom it has just said that it supports that.
func (n *nemesis) undermine(leader *member) {
	var struck *member
	for _, m := range n.world.members {
		if m.dated.strikes() && struck == nil && m != leader && m.up() && m.supports > lockfsm.Oldest {
			struck = m
		}
	}
	if struck != nil {
		struck.dated.happened()
		n.world.tell("server %d is given an old program while server %d proposes a version that it can't read", struck.id, leader.id)
		struck.kill(millisecond + struck.luck.Exponential(5*millisecond))
		struck.supports = lockfsm.Oldest
	}
}

// outlives notes until when the process that ends now has supported what it did.
func (p *program) outlives(now time.Duration) {
	for v := lockfsm.Oldest; v <= p.supports; v++ {
		p.could[v] = now
	}
}

// mixes notes that programs of different versions are at work.
func (m *member) mixes() {
	for _, other := range m.world.members {
		if other.up() && other.supports != m.supports {
			m.world.observe(schedule.Upgrade)
			m.world.hit(clusterMixed)
			return
		}
	}
}

// outdated is the end of a process whose program is too old for the cluster. The operator installs the one that it asks for.
func (m *member) outdated(err error) {
	var outdated *server.Outdated
	if !errors.As(err, &outdated) {
		fail(Recovery, "server %d can't go on from its own snapshot: %v", m.id, err)
	}
	if outdated.Needed <= m.supports || outdated.Needed > lockfsm.Newest {
		m.world.judge.fail(InForce, "server %d, whose program supports version %d, stops: %v", m.id, m.supports, err)
	}
	m.world.observe(schedule.Upgrade)
	m.world.hit(oldRefused)
	m.world.tell("server %d stops: %v", m.id, err)
	m.kill(m.downtime())
	m.supports = outdated.Needed
}

// legible judges what is in a member's log, or about to be: its program can read it.
func (j *judge) legible(m *member, snapshot *raft.Snapshot, entries []raft.Entry) {
	if snapshot != nil && lockfsm.SnapshotNeeds(snapshot.Data) > m.supports {
		j.fail(InForce, "server %d, whose program supports version %d, has a snapshot at entry %d that needs version %d",
			m.id, m.supports, snapshot.Index, lockfsm.SnapshotNeeds(snapshot.Data))
	}
	for i := range entries {
		if e := &entries[i]; e.Kind == raft.KindCommand && lockfsm.CommandNeeds(e.Data) > m.supports {
			j.fail(InForce, "server %d, whose program supports version %d, has entry %d in its log, which needs version %d",
				m.id, m.supports, e.Index, lockfsm.CommandNeeds(e.Data))
		}
	}
}

// raises judges what a leader puts into its log: an Upgrade only when every member has lately run a program that can read what comes behind it.
func (j *judge) raises(m *member) {
	node, record := m.server.Node(), &m.output.Record
	if node.Role() != raft.Leader {
		return
	}
	for i := range record.Entries {
		e := &record.Entries[i]
		if e.Kind == raft.KindMembers {
			return // who came in behind an Upgrade was not there to be asked, and who came in before it has not said anything yet
		}
		if command, err := lockfsm.Decode(e.Data); e.Kind == raft.KindCommand && e.Term == node.Term() && err == nil {
			if upgrade, is := command.(lockfsm.Upgrade); is {
				j.agreedUpon(m, upgrade.To)
				j.world.nemesis.undermine(m)
			}
		}
	}
}

// agreedUpon judges that all members support a version, or did not longer ago than a leader may rely on what it was told.
func (j *judge) agreedUpon(leader *member, to lockfsm.Version) {
	since := j.watch(leader).reign
	if k := &j.world.knobs; !k.bendsServers() {
		since = max(since, leader.since-roundUp(k.election, draw.Million, draw.Million-k.skew))
	}
	for _, one := range leader.server.Node().Status().Membership.All() {
		other := j.world.members[one.ID-1]
		if running := other.up() && other.supports >= to; !running && other.could[to] < since {
			j.fail(InForce, "server %d proposes version %d, which no program of server %d has supported since %v", leader.id, to, other.id, since)
		}
	}
}

// rise watches a world in which everybody is served until its version has risen. A round in which every member says what it supports may have to be
// tried again and again where they are slow, but not for ever.
func (w *world) rise() {
	w.runUntil(w.config.Duration+patience, w.risen)
	if !w.risen() {
		fail(Liveness, "%v after a majority had healed, all members work and support a later version than %d, which is in force", patience, w.judge.book.version)
	}
}

// risen tells whether, if all members work, the highest version that all their programs support is in force.
func (w *world) risen() bool {
	common := lockfsm.Newest
	for _, one := range w.judge.roll.last().membership.All() {
		m := w.members[one.ID-1]
		if !m.up() || !m.core || m.paused || m.inDoubt() {
			return true
		}
		common = min(common, m.supports)
	}
	return w.judge.book.version >= common
}
