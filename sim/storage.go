package sim

import (
	"errors"
	"math/rand/v2"
	"time"

	"lockd/raft"
	"lockd/schedule"
	"lockd/server"
	"lockd/sim/disk"
	"lockd/sim/draw"
	"lockd/wal"
)

var cluster = wal.ClusterID{'s', 'i', 'm'}

func newRandom(seed uint64, purpose string, place int) *rand.Rand {
	return rand.New(draw.New(seed, purpose, place))
}

func (m *member) options() wal.Options {
	return wal.Options{Member: m.id, Incarnation: m.incarnation(), Cluster: cluster, SegmentSize: m.world.knobs.segmentBytes}
}

func incarnation(place int) uint64 { return uint64(place) + 1001 }

// incarnation is that of the disk that the member has now.
func (m *member) incarnation() uint64 { return m.enlisted() + uint64(m.wipes)<<32 }

// enlisted is that of the last disk with which it may be a member: one that was destroyed since had what it acknowledged.
func (m *member) enlisted() uint64 { return incarnation(m.place) + uint64(m.renewals)<<32 }

// form makes the member's directory one of the cluster's.
func (m *member) form(first raft.Snapshot) {
	log, _, err := wal.Open(m.disk, m.options())
	must(err)
	_, err = log.FormFrom(cluster, first)
	must(err)
	must(log.Close())
}

// newcomer tells whether the member has a disk that was not there when the cluster was founded.
func (m *member) newcomer() bool { return m.place >= m.world.founders() || m.renewals > 0 }

// start begins a process: it recovers what the last one left, and goes on from there.
func (m *member) start() {
	w := m.world
	m.anew()
	m.breathe()
	m.noteRemains()
	if m.stumble.strikes() {
		m.stumble.happened()
		m.haltSoon(30)
	}
	log, recovered, err := wal.Open(m.disk, m.options())
	if err == nil && !recovered.Identity.Formed() && m.newcomer() {
		// A running node joins when a member greets it that counts it as one. Until then nobody talks to it, here as there.
		_, err = log.Join(cluster)
		recovered.Identity.Cluster = cluster
	}
	switch {
	case err != nil:
		m.refused(err)
		return
	case !recovered.Identity.Formed():
		m.forgotten()
		return
	case recovered.Damaged != nil:
		m.survivesDamage(&recovered)
	}
	w.judge.recovered(m, &recovered.Stored, recovered.Damaged != nil)
	if m.relapse > 0 && !w.healed {
		m.disk.HaltAt(m.disk.Operations() + m.relapse)
	}
	m.log = log
	m.clock = newClock(m.luck.Between(0, time.Hour), w.drift(m.luck, 1), w.knobs.drift)
	m.batch = 1
	config := server.Config{
		Raft:    w.knobs.raft(m.id, recovered.Identity.Incarnation, draw.New(w.config.Seed, "election", m.place, int(m.boot))),
		Version: m.supports, SnapshotBytes: w.knobs.snapshotBytes, MaxCalls: w.knobs.calls, ClockInterval: second,
	}
	m.server, err = server.New(config, recovered.Stored, m.now())
	if err != nil {
		m.outdated(err)
		return
	}
	w.judge.legible(m, &recovered.Stored.Snapshot, recovered.Stored.Entries)
	w.judge.started(m)
	m.mixes()
	m.beginScrub()
	w.tell("server %d starts, term %d, log up to entry %d", m.id, recovered.Stored.Term, m.server.Node().Status().Last)
	m.setAlarm()
}

// refused is the end of a process that its own disk does not let begin.
func (m *member) refused(err error) {
	var damage *wal.DamageError
	switch {
	case errors.As(err, &damage):
		m.shutOut(damage)
	case m.lacksRoom(err):
		m.world.tell("server %d finds no room to begin", m.id)
		m.kill(m.downtime())
	default:
		m.survives(err)
	}
}

func (m *member) syncTime() time.Duration {
	long := m.world.now < m.slow
	d := m.world.knobs.syncTime/4 + m.spin.Exponential(m.world.knobs.syncTime)
	if long {
		m.world.observe(schedule.SlowDisk)
		return 50*d + 20*millisecond
	}
	return d
}

// snapshotTime is how long a snapshot takes. It may be done before records that were handed out before it was ordered.
func (m *member) snapshotTime() time.Duration {
	return microsecond + time.Duration(draw.Pick(m.spin, 0, 1, 20))*m.syncTime()/2
}

// persist puts a record in line for the disk.
func (m *member) persist(record raft.Record) {
	if record.Sequence == 0 {
		return
	}
	m.queue = append(m.queue, record)
	if !m.writing {
		m.write()
	}
}

// write begins to write everything that has gathered, as far as there is room: it becomes durable together, after one sync. What is
// done to the log, and in which order, is what a running node does (daemon/disk.go).
func (m *member) write() {
	m.breathe()
	m.letGo, m.released = max(m.letGo, m.released), 0
	appended, votes := m.append()
	switch {
	case !m.up():
	case appended == 0:
		m.rest()
	default:
		m.writing = true
		takes := m.syncTime()
		m.done = m.world.now + takes
		m.world.agenda.Add(m.done, event{kind: diskDone, place: int32(m.place), boot: m.boot})
		if votes && m.oath.strikes() {
			m.oath.happened()
			m.world.agenda.Add(m.world.now+m.oath.draws().Between(1, takes), event{kind: oathBreaks, place: int32(m.place), boot: m.boot})
		}
	}
}

// append hands records to the log until one does not fit, and tells whether any of them has a new vote.
func (m *member) append() (appended int, votes bool) {
	for m.lack = false; appended < len(m.queue); appended++ {
		record := &m.queue[appended]
		if record.Sequence > m.offered {
			m.offered = record.Sequence
			m.world.judge.appended(m, record)
		}
		err := m.log.Append(*record)
		if m.lack = m.lacksRoom(err); m.lack {
			break
		}
		if !m.survives(err) {
			return appended, votes
		}
		if record.Snapshot != nil {
			m.released = max(m.released, record.Snapshot.Index)
		}
		m.written = record.Sequence
		votes = votes || record.Vote != m.vote && record.Vote != 0
		m.vote = record.Vote
	}
	left := copy(m.queue, m.queue[appended:])
	clear(m.queue[left:])
	m.queue = m.queue[:left]
	return appended, votes
}

// synced is when the disk has what was written, or when a full one is to be asked for room again.
func (m *member) synced() {
	m.breathe()
	if m.writing && m.world.now >= m.done {
		m.sync()
	}
	if m.up() && !m.writing && m.seek != 0 && m.world.now >= m.seek {
		m.seekRoom()
	}
}

// sync makes durable what was written. The disk goes on with the next batch before the server has taken the news in.
func (m *member) sync() {
	if !m.survives(m.log.Sync()) {
		return
	}
	written := m.written
	m.world.judge.persisted(m, written)
	if m.survives(m.log.Prepare()) {
		m.rest()
	}
	if m.up() {
		m.step(raft.Persisted{Sequence: written})
	}
}

// rest ends a batch: the log lets go of what nobody needs, the server hears whether there is room, and the next batch begins.
func (m *member) rest() {
	if m.letGo > 0 && !m.survives(m.log.Release(m.letGo)) {
		return
	}
	m.letGo, m.writing = 0, false
	m.noteRoom(m.lack || m.log.Full())
	if m.up() && !m.writing && (len(m.queue) > 0 && !m.lack || m.released > 0) {
		m.write()
	}
}

// roomInterval is how often a full disk is asked whether there is room again, as a running node does it.
const roomInterval = 100 * millisecond

// noteRoom tells the server when room ran out, and when there is some again.
func (m *member) noteRoom(full bool) {
	if full && m.seek == 0 {
		m.seek = m.world.now + roomInterval
		m.world.agenda.Add(m.seek, event{kind: diskDone, place: int32(m.place), boot: m.boot})
	}
	if full == m.full {
		return
	}
	m.full = full
	if full {
		m.feelLack()
		m.world.tell("server %d has no room on its disk", m.id)
	} else {
		m.world.tell("server %d has room on its disk again", m.id)
	}
	m.step(raft.Room{Full: full})
}

// seekRoom asks a full disk again.
func (m *member) seekRoom() {
	m.seek = 0
	if err := m.log.Reserve(); m.lacksRoom(err) || m.survives(err) {
		m.write()
	}
}

// saveSnapshot encodes the machine as it stood when the snapshot was ordered: it has gone on since. Without room it tries again.
func (m *member) saveSnapshot() {
	m.breathe()
	snapshot := m.snapshot.Snapshot
	snapshot.Data = m.snapshot.Machine.Encode()
	err := m.log.SaveSnapshot(snapshot)
	if m.lacksRoom(err) {
		m.world.agenda.Add(m.world.now+roomInterval, event{kind: snapshotDone, place: int32(m.place), boot: m.boot})
		return
	}
	m.snapshot = nil
	if !m.survives(err) {
		return
	}
	m.step(raft.Snapshotted{Snapshot: snapshot})
	if m.up() {
		m.released = max(m.released, snapshot.Index)
		if !m.writing {
			m.write()
		}
	}
}

// survives tells whether the process goes on after an operation of the disk: it does not after an error, nor does a running node.
func (m *member) survives(err error) bool {
	if err == nil {
		return true
	}
	var fault *disk.FaultError
	switch {
	case errors.Is(err, disk.ErrHalted):
		m.stopped()
	case errors.As(err, &fault):
		m.broken(fault)
	default:
		fail(Recovery, "server %d can't go on with its own disk: %v", m.id, err)
	}
	return false
}

// haltSoon makes the disk stop the process before one of its next operations, or between a write that can be torn and its sync.
func (m *member) haltSoon(within int) {
	switch at := m.luck.Below(within); m.luck.Below(4) {
	case 0:
		m.disk.HaltAtName()
	case 1:
		m.disk.HaltAtTear()
	default:
		m.disk.HaltAt(m.disk.Operations() + 1 + at)
	}
}

// stopped is the end of a process in the middle of an operation of its disk: half of the times with the power, and always if that was
// to go again.
func (m *member) stopped() {
	if m.relapse > 0 {
		m.world.tell("server %d loses power again, soon after it came back", m.id)
		m.losePower()
		return
	}
	m.world.observe(schedule.MidWrite)
	if m.luck.Chance(draw.Million / 2) {
		m.world.tell("server %d is stopped by a loss of power in the middle of a write", m.id)
		m.crashDisk()
		m.fall(m.downtime())
	} else {
		m.world.tell("server %d is killed in the middle of a write", m.id)
		m.kill(m.downtime())
	}
}

// downtime is how long a member stays down.
func (m *member) downtime() time.Duration {
	return 5*millisecond + m.luck.Exponential(draw.Pick(m.luck, 50*millisecond, 500*millisecond, 3*second))
}
