package sim

import (
	"errors"
	"math/rand/v2"
	"time"

	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/disk"
	"lockd/sim/draw"
	"lockd/wal"
)

// Faults of disks are of three sorts. What was never synced may go with the power: that befalls every member. A write or a sync may
// fail, or find no room: that ends the process, or makes it wait, and takes nothing that was promised. But a bit that rots, a write
// that goes astray and a disk that is replaced destroy what was durable. A cluster survives that in a minority of its members, as
// long as none of them comes back without what it had promised. So a run draws beforehand whom it may befall (the atlas), and whoever
// finds damage that can't be repaired from the others stays out for the rest of the run.

// storage is what a member's disk went through, and how the present process stands with it.
type storage struct {
	loss, tear, oblivion site
	rotten               []string      // files of which a bit has turned over
	noticed              bool          // that something is destroyed
	remains              int           // segments up to this number may be left from before a damaged log began anew
	wipes                int           // how often the disk was replaced
	renewals             int           // how often it was, while the node was of no membership
	crowded              time.Duration // until when the disk has no room; zero: it has
	cramped              bool          // the present lack of room was felt
	relapse              int           // before which operation of its disk the next process loses power, once it has read it; zero: it does not

	// Of the present process.
	full     bool          // as the server was told
	lack     bool          // the first record in the queue found no room
	done     time.Duration // when the sync under way ends
	seek     time.Duration // when a full disk is asked for room again; zero: it is not
	offered  uint64        // sequence of the last record that the log was given
	released raft.Index    // the log may forget what lies up to here
	letGo    raft.Index    // the same, taken up with the batch under way
}

func (w *world) newStorage(place int) storage {
	return storage{
		loss:     w.site(schedule.LostWrite, place, nowhere),
		tear:     w.site(schedule.TornWrite, place, nowhere),
		oblivion: w.site(schedule.LostName, place, nowhere),
	}
}

// anew forgets what the last process knew.
func (s *storage) anew() {
	s.full, s.lack, s.done, s.seek, s.offered, s.released, s.letGo = false, false, 0, 0, 0, 0, 0
}

// atlas tells of each member whether its disk may lose what was durable.
func (w *world) atlas() []bool {
	d := draw.New(w.config.Seed, "atlas")
	fragile, places := make([]bool, w.config.Members), make([]int, w.config.Members)
	for place := range places {
		places[place] = place
	}
	for i := range w.knobs.fragile(w.config.Members) {
		other := i + d.Below(len(places)-i)
		places[i], places[other] = places[other], places[i]
		fragile[places[i]] = true
	}
	return fragile
}

// fragile is how many members the atlas has.
func (k *knobs) fragile(members int) int {
	if k.atlas != 0 {
		return min(k.atlas, members)
	}
	return (members - 1) / 2
}

// damaged tells whether something that was durable here is destroyed, found out or not: nothing may depend on such a member.
func (m *member) damaged() bool { return m.wipes > 0 || len(m.rotten) > 0 || len(m.disk.Astray()) > 0 }

// destructible tells whether what is durable here may be destroyed.
func (m *member) destructible() bool { return m.lost == "" && m.world.atlas()[m.place] }

// harmDisk is an attack on a disk. What destroys what is durable hits somebody of the atlas, unless the plan names its victim.
func (n *nemesis) harmDisk(a *attack) bool {
	if chosen := n.world.fragile(a.draws); chosen != nil && a.Server == 0 && destroys[a.Fault] {
		a.member = chosen
	}
	m := a.member
	a.hitsMember()
	switch a.Fault {
	case schedule.BitRot:
		return m.rot(a.draws)
	case schedule.Misdirected:
		return m.misdirect(a.draws)
	case schedule.Wipe:
		return m.wipe()
	case schedule.WriteError:
		return m.failWrite(a.draws)
	case schedule.FailedSync:
		return m.failSync(a.draws)
	}
	a.isLong()
	return m.fill(a.lasts, a.draws)
}

// destroys tells which faults take what was durable.
var destroys = [schedule.Faults]bool{schedule.BitRot: true, schedule.Misdirected: true, schedule.Wipe: true}

// fragile draws a member of the atlas; nil: it is empty.
func (w *world) fragile(d draw.Draws) *member {
	var some []*member
	for place, is := range w.atlas() {
		if is {
			some = append(some, w.members[place])
		}
	}
	choice := d.Uint64()
	if len(some) == 0 {
		return nil
	}
	return some[choice%uint64(len(some))]
}

// rot turns one bit of what is on the disk over.
func (m *member) rot(d draw.Draws) bool {
	names, err := m.disk.List()
	must(err)
	if !m.destructible() || len(names) == 0 {
		return false
	}
	name := names[d.Below(len(names))]
	size := int(m.disk.Size(name))
	if size == 0 {
		return false
	}
	bit := d.Below(8 * size)
	m.disk.FlipBit(name, int64(bit))
	m.rotten = append(m.rotten, name)
	m.world.tell("bit %d of byte %d of %s on the disk of server %d turns over", bit%8, bit/8, name, m.id)
	return true
}

// misdirect lets one of the next writes go to another place of its file.
func (m *member) misdirect(d draw.Draws) bool {
	if !m.up() || !m.destructible() {
		return false
	}
	m.disk.Misdirect(rand.New(d))
	m.world.tell("a write of server %d is about to go to another place of its file", m.id)
	return true
}

// wipe replaces the disk by an empty one.
func (m *member) wipe() bool {
	if !m.destructible() {
		return false
	}
	m.world.tell("the disk of server %d is replaced by an empty one", m.id)
	m.disk.Wipe()
	m.rotten = nil
	m.wipes++
	m.remains = 0
	if m.up() {
		m.fall(m.downtime())
	}
	return true
}

// failWrite lets one of the next writes fail.
func (m *member) failWrite(d draw.Draws) bool {
	if !m.up() {
		return false
	}
	m.disk.FailWrite(1 + d.Below(8))
	return true
}

// failSync lets one of the next syncs fail.
func (m *member) failSync(d draw.Draws) bool {
	if !m.up() {
		return false
	}
	m.disk.FailSync(1 + d.Below(4))
	return true
}

// fill leaves the disk only a little room for a while, or none.
func (m *member) fill(lasts time.Duration, d draw.Draws) bool {
	segment := int(m.world.knobs.segmentBytes)
	room := draw.Pick(d, 0, d.Below(segment), d.Below(4*segment))
	if m.lost != "" || m.crowded != 0 {
		return false
	}
	m.world.tell("the disk of server %d has no more than %d bytes left, for %v", m.id, room, lasts)
	m.disk.SetCapacity(m.disk.Used() + int64(room))
	m.crowded, m.cramped = m.world.now+lasts, false
	return true
}

// breathe gives a disk that was full its room again when the time has come.
func (m *member) breathe() {
	if m.crowded != 0 && m.world.now >= m.crowded {
		m.crowded = 0
		m.disk.SetCapacity(0)
	}
}

// relieve ends what ails the disk, but for what is destroyed.
func (m *member) relieve() {
	m.slow, m.crowded = 0, 0
	m.disk.Relent()
}

// lacksRoom tells whether an error says that the disk is full. It may say so only while that is true.
func (m *member) lacksRoom(err error) bool {
	if !errors.Is(err, wal.ErrDiskFull) {
		return false
	}
	if m.crowded == 0 {
		fail(Recovery, "server %d's disk refuses what it has room for: %v", m.id, err)
	}
	m.feelLack()
	return true
}

// feelLack counts that a disk without room made a difference.
func (m *member) feelLack() {
	if m.crowded != 0 && !m.cramped {
		m.cramped = true
		m.world.observe(schedule.FullDisk)
	}
}

// crashDisk is what a loss of power does to the disk.
func (m *member) crashDisk() {
	if m.up() && m.writing {
		m.interrupt()
	}
	may := disk.Harm{Lost: m.loss.strikes(), Torn: m.tear.strikes(), Undone: m.oblivion.strikes()}
	toll := m.disk.LosePower(may)
	for _, harm := range [...]struct {
		site *site
		done bool
		toll int
	}{{&m.loss, may.Lost, toll.Sectors}, {&m.tear, may.Torn, toll.Torn}, {&m.oblivion, may.Undone, toll.Names}} {
		if harm.done {
			harm.site.happened()
		}
		if harm.done && harm.toll > 0 {
			m.world.observe(harm.site.fault)
		}
	}
	if m.relapse = 0; may.Torn && toll.Torn > 0 {
		m.relapse = setBack(m.tear.draws())
	}
}

// setBack draws whether the power that comes back goes again at once. The next process has just cut what was torn from its log, and has
// written little over it: what it cut may not come back.
func setBack(d draw.Draws) int {
	if !d.Chance(draw.Million / 2) {
		return 0
	}
	return 1 + d.Below(6)
}

// interrupt stops the disk in the middle of the batch under way: before its write, or most often between that and its sync, or when
// all is durable and nobody knows.
func (m *member) interrupt() {
	m.disk.HaltAt(m.disk.Operations() + draw.Pick(m.luck, 1, 2, 2, 2, 3))
	_ = m.log.Sync() // its error is the halt
}

// broken is the end of a process whose disk has failed: nothing is tried again, and the next one begins with what it can read.
func (m *member) broken(fault *disk.FaultError) {
	kind := schedule.WriteError
	if fault.Operation == "sync" {
		kind = schedule.FailedSync
	}
	m.world.observe(kind)
	m.world.tell("server %d ends: %v", m.id, fault)
	m.kill(m.downtime())
}

// shutOut keeps a member out for good, whose disk has lost what it promised. That must be true: a process that refuses a sound disk
// is as wrong as one that takes a damaged one.
func (m *member) shutOut(damage *wal.DamageError) {
	if !m.wounded(damage.File) {
		fail(Recovery, "server %d can't read its own disk, and nothing on it was destroyed: %v", m.id, damage)
	}
	if damage.File != "identity" {
		fail(Recovery, "server %d refuses to begin, and knows who it is: %v", m.id, damage)
	}
	m.lose(damage.Error())
}

// forgotten keeps a member out for good whose directory is of no cluster: the others know that it is not the one that promised.
func (m *member) forgotten() {
	if m.wipes == 0 {
		fail(Recovery, "server %d finds its directory to be of no cluster, and nobody had wiped it", m.id)
	}
	m.world.observe(schedule.Wipe)
	m.noticed = true
	m.lose("its directory is empty, and is not the one that the cluster was formed with")
}

func (m *member) lose(why string) {
	m.lost = why
	m.disk.Kill()
	m.world.tell("server %d stays out: %s", m.id, why)
}

// survivesDamage judges a process that goes on although something on its disk is damaged.
func (m *member) survivesDamage(recovered *wal.Recovered) {
	damage := recovered.Damaged
	if !m.wounded(damage.File) {
		fail(Recovery, "server %d finds its disk damaged, and nothing on it was destroyed: %v", m.id, damage)
	}
	if recovered.Stored.Damage == nil {
		m.world.tell("server %d goes on without what is damaged: %v", m.id, damage)
		return
	}
	if recovered.Stored.Damage.Doubt {
		m.world.tell("server %d abstains, its last record is lost: %v", m.id, damage)
		return
	}
	end := recovered.Stored.Damage.End
	m.world.tell("server %d can't read all of its log, which ended no later than entry %d of term %d: %v", m.id, end.Index, end.Term, damage)
}

// convalescent tells whether a process lacks a part of its log.
func (m *member) convalescent() bool { return m.up() && m.server.Node().Hole().First != 0 }

// wounded tells whether something on the disk was destroyed, and counts that it was noticed. What is noticed first need not be what
// was hit: a write that went astray is missed in the records behind it, and in the end by the next segment.
func (m *member) wounded(file string) bool {
	astray := m.disk.Astray()
	if len(astray) > 0 {
		m.world.observe(schedule.Misdirected)
	}
	for _, name := range m.rotten {
		if name == file {
			m.world.observe(schedule.BitRot)
			m.noticed = true
			return true
		}
	}
	m.noticed = m.noticed || len(astray) > 0
	return len(astray) > 0
}
