package sim

import (
	"errors"
	"math/rand/v2"
	"time"

	"lockd/raft"
	"lockd/server"
	"lockd/sim/disk"
	"lockd/wal"
)

var cluster = wal.ClusterID{'s', 'i', 'm'}

func newRandom(seed uint64, purpose string, place int) *rand.Rand {
	return rand.New(newDraws(seed, purpose, place).source)
}

func (m *member) options() wal.Options {
	return wal.Options{Member: m.id, Incarnation: incarnation(m.place), Cluster: cluster, SegmentSize: m.world.knobs.segmentBytes}
}

func incarnation(place int) uint64 { return uint64(place) + 1001 }

// form makes the member's directory one of the cluster's.
func (m *member) form(membership raft.Membership) {
	log, _, err := wal.Open(m.disk, m.options())
	must(err)
	_, err = log.Form(cluster, membership)
	must(err)
	must(log.Close())
}

// start begins a process: it recovers what the last one left, and goes on from there.
func (m *member) start() {
	w := m.world
	if w.befalls(MidWrite, m.luck) {
		w.strike(MidWrite)
		m.haltSoon(30)
	}
	log, recovered, err := wal.Open(m.disk, m.options())
	if errors.Is(err, disk.ErrHalted) {
		m.stopped()
		return
	}
	if err != nil {
		fail(Recovery, "server %d can't read its own disk after a crash: %v", m.id, err)
	}
	w.judge.recovered(m, &recovered.Stored)
	m.log = log
	m.clock = clock{boot: m.luck.between(0, time.Hour), drift: w.drift(m.luck)}
	m.batch = 1
	config := server.Config{
		Raft:          w.knobs.raft(m.id, newDraws(w.config.Seed, "election", m.place, int(m.boot))),
		SnapshotBytes: w.knobs.snapshotBytes, MaxCalls: 10_000, ClockInterval: second,
	}
	m.server, err = server.New(config, recovered.Stored, m.now())
	if err != nil {
		fail(Recovery, "server %d can't go on from its own snapshot: %v", m.id, err)
	}
	w.judge.started(m)
	w.tell("server %d starts, term %d, log up to entry %d", m.id, recovered.Stored.Term, m.server.Node().Status().Last)
	m.setAlarm()
}

func (m *member) syncTime() time.Duration {
	long := m.world.now < m.slow
	d := m.world.knobs.syncTime/4 + m.spin.exponential(m.world.knobs.syncTime)
	if long {
		m.world.observe(SlowDisk)
		return 50*d + 20*millisecond
	}
	return d
}

// snapshotTime is how long a snapshot takes. It may be done before records that were handed out before it was ordered.
func (m *member) snapshotTime() time.Duration {
	return microsecond + time.Duration(pick(m.spin, 0, 1, 20))*m.syncTime()/2
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

// write begins to write everything that has gathered: it becomes durable together, after one sync.
func (m *member) write() {
	votes := false
	for i := range m.queue {
		m.world.judge.appended(m, &m.queue[i])
		if !m.survives(m.log.Append(m.queue[i])) {
			return
		}
		m.written = m.queue[i].Sequence
		votes = votes || m.queue[i].Vote != m.vote && m.queue[i].Vote != 0
		m.vote = m.queue[i].Vote
	}
	m.queue, m.writing = m.queue[:0], true
	takes := m.syncTime()
	m.world.agenda.add(m.world.now+takes, event{kind: diskDone, place: int32(m.place), boot: m.boot})
	if votes && m.world.befalls(BrokenOath, m.luck) {
		m.world.strike(BrokenOath)
		m.world.agenda.add(m.world.now+m.luck.between(1, takes), event{kind: oathBreaks, place: int32(m.place), boot: m.boot})
	}
}

// synced is when the disk has what was written.
func (m *member) synced() {
	if !m.survives(m.log.Sync()) {
		return
	}
	m.writing = false
	written := m.written
	m.world.judge.persisted(m, written)
	if len(m.queue) > 0 {
		m.write()
	}
	if m.up() {
		m.step(raft.Persisted{Sequence: written})
	}
	if m.up() {
		m.survives(m.log.Prepare())
	}
}

// saveSnapshot encodes the machine as it stood when the snapshot was ordered: it has gone on since.
func (m *member) saveSnapshot() {
	snapshot := m.snapshot.Snapshot
	snapshot.Data = m.snapshot.Machine.Encode()
	m.snapshot = nil
	if !m.survives(m.log.SaveSnapshot(snapshot)) || !m.survives(m.log.Release(snapshot.Index)) {
		return
	}
	m.world.snapshots++
	m.step(raft.Snapshotted{Snapshot: snapshot})
}

// survives tells whether the process goes on after an operation of the disk. The only error that the world makes is the
// end of the process in the middle of it.
func (m *member) survives(err error) bool {
	if err == nil {
		return true
	}
	if !errors.Is(err, disk.ErrHalted) {
		fail(Recovery, "server %d's disk refuses what it has room for: %v", m.id, err)
	}
	m.stopped()
	return false
}

// haltSoon makes the disk stop the process before one of its next operations.
func (m *member) haltSoon(within int) {
	m.halts = true
	m.disk.HaltAt(m.disk.Operations() + 1 + m.luck.below(within))
}

// stopped is the end of a process in the middle of an operation of its disk: half of the times with the power.
func (m *member) stopped() {
	m.world.observe(MidWrite)
	if m.luck.chance(million / 2) {
		m.world.tell("server %d is stopped by a loss of power in the middle of a write", m.id)
		m.disk.Crash()
		m.fall(m.downtime())
	} else {
		m.world.tell("server %d is killed in the middle of a write", m.id)
		m.kill(m.downtime())
	}
}

// downtime is how long a member stays down.
func (m *member) downtime() time.Duration {
	return 5*millisecond + m.luck.exponential(pick(m.luck, 50*millisecond, 500*millisecond, 3*second))
}
