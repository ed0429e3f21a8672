package sim

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/schedule"
	"lockd/sim/disk"
	"lockd/sim/draw"
)

// luckless is a member of the atlas, of a world with a leader and without faults but those.
func luckless(t *testing.T, faults ...schedule.Fault) (*world, *member) {
	w, _ := realm(t, faults...)
	return w, w.members[slices.Index(w.atlas(), true)]
}

// goOn lets a world run for five seconds.
func (w *world) goOn() { w.runUntil(w.now+5*second, func() bool { return false }) }

// losesPower lets a member lose power, and come back if it can.
func (w *world) losesPower(m *member) {
	m.losePower()
	w.runUntil(w.now+60*second, func() bool { return m.up() || m.lost != "" })
}

// lastSector is where the log on a member's disk ends at present: its newest segment that is in use, and the sector of its last record.
func lastSector(m *member) (name string, sector int) {
	names, err := m.disk.List()
	must(err)
	for _, segment := range names {
		if !strings.HasSuffix(segment, ".segment") {
			continue
		}
		content := make([]byte, m.disk.Size(segment))
		file, err := m.disk.Open(segment)
		must(err)
		_, err = file.ReadAt(content, 0)
		must(err)
		if used := len(bytes.TrimRight(content, "\x00")); used > 0 {
			name, sector = segment, (used-1)/disk.SectorSize
		}
		must(file.Close())
	}
	return name, sector
}

// A bit that has turned over in the middle of the log is found when the member starts. It goes on as one that still holds what it held, and the others
// give it back what it lacks.
func TestRottenMemberIsRepaired(t *testing.T) {
	w, m := luckless(t)
	w.runUntil(w.now+500*millisecond, func() bool { return false })
	name, last := lastSector(m)
	spoil(m, name, last-4) // which no snapshot stands for yet
	chosen := len(w.judge.chosen)
	w.losesPower(m)
	require.True(t, m.up(), m.lost)
	require.NotZero(t, w.counts[schedule.BitRot].Observed)
	require.NotNil(t, w.judge.watch(m).debt)
	require.True(t, m.convalescent())
	w.goOn()
	require.True(t, m.up())
	require.False(t, m.convalescent())
	require.Nil(t, w.judge.watch(m).debt)
	require.EqualValues(t, 1, w.probes[logRepaired])
	require.Greater(t, len(w.judge.chosen), chosen)
	w.losesPower(m)
	require.False(t, m.convalescent(), "and it stays so")
}

// spoil turns a bit over in a sector of a file on a member's disk, counted from the end if it is negative.
func spoil(m *member, name string, sector int) {
	sectors := int(m.disk.Size(name)) / disk.SectorSize
	m.disk.FlipBit(name, int64(8*((sectors+sector)%sectors*disk.SectorSize+20)))
	m.rotten = append(m.rotten, name)
}

// Who a directory's member was nobody else can tell. Where both copies are lost the member stays out, and the others go on; one is enough.
func TestMemberWithoutItsIdentityStaysOut(t *testing.T) {
	w, m := luckless(t)
	chosen := len(w.judge.chosen)
	spoil(m, "identity", 0)
	w.losesPower(m)
	require.True(t, m.up())
	spoil(m, "identity", 0)
	spoil(m, "identity", 1)
	w.losesPower(m)
	require.Contains(t, m.lost, "damaged")
	w.goOn()
	require.False(t, m.up())
	require.Greater(t, len(w.judge.chosen), chosen)
	require.False(t, m.rot(draw.New(1, "rot")), "it has nothing left to lose")
}

// forgets takes the whole log from a member that loses power.
func (w *world) forgets(m *member) {
	w.runUntil(w.now+500*millisecond, func() bool { return false })
	names, err := m.disk.List()
	must(err)
	for _, name := range names {
		for sector := range int(m.disk.Size(name)) / disk.SectorSize {
			if strings.HasSuffix(name, ".segment") {
				spoil(m, name, sector)
			}
		}
	}
	w.losesPower(m)
}

// Whose last promise is lost abstains for as long as one of the others is away, and then is given everything again.
func TestMemberWithoutItsLastPromiseAbstains(t *testing.T) {
	w, m := luckless(t)
	away := w.members[(m.place+1)%len(w.members)]
	away.pause()
	w.forgets(m)
	require.True(t, m.inDoubt())
	chosen := len(w.judge.chosen)
	w.goOn()
	require.True(t, m.inDoubt())
	require.Greater(t, len(w.judge.chosen), chosen, "the others go on")
	away.resume()
	w.goOn()
	require.False(t, m.convalescent())
	require.EqualValues(t, 1, w.probes[doubtEnded])
	require.Nil(t, w.judge.watch(m).debt)
}

// The judge knows what a member had promised that is in doubt: it must be silent, and begin in a term above all that it and the others had promised.
func TestMemberInDoubtIsJudgedByWhatItPromised(t *testing.T) {
	w, m := luckless(t)
	w.forgets(m)
	j := w.judge
	had := j.watch(m).debt.doubt.term
	j.watch(m).durable.term = 0 // its snapshot may show that it was as far
	says := func(message raft.Message) Oracle {
		return fires(func() { j.spoken(m, raft.Envelope{From: m.id, To: 2, Message: message}) })
	}
	require.Empty(t, says(&raft.Oath{}))
	require.Equal(t, Durability, says(&raft.VoteReply{Term: 9}))
	require.Equal(t, Durability, says(&raft.Appended{Term: 9}))
	require.Equal(t, Durability, fires(func() { j.assured(m, had) }))
	require.Equal(t, Durability, fires(func() { j.assured(m, had+1) }), "the others may have been so far already")
	require.Empty(t, fires(func() { j.assured(m, had+raft.Leap+10) }))
}

// A member whose snapshots can't be read begins without any state, and is given it by the leader.
func TestMemberWithoutASnapshotIsGivenOne(t *testing.T) {
	w, m := luckless(t)
	w.runUntil(w.now+500*millisecond, func() bool { return false })
	names, err := m.disk.List()
	must(err)
	for _, name := range names {
		if strings.HasPrefix(name, "snapshot-") {
			m.disk.FlipBit(name, 8*20)
			m.rotten = append(m.rotten, name)
		}
	}
	w.losesPower(m)
	require.True(t, m.convalescent())
	require.False(t, m.inDoubt())
	require.EqualValues(t, 0, m.server.Machine().Revision())
	w.goOn()
	require.False(t, m.convalescent())
	require.EqualValues(t, 1, w.probes[stateLost])
}

// The judge knows what a damaged member held: it may neither count for less, nor vote for whose log is shorter, nor acknowledge what it can't read.
func TestDamagedMemberIsJudgedByWhatItHeld(t *testing.T) {
	w, m := luckless(t)
	j, had := w.judge, written()
	m.rotten = []string{"0000000000000001.segment"}
	finds := func(end raft.Position) Oracle {
		j.watch(m).durable, j.watch(m).debt, j.watch(m).pending = had.clone(), nil, nil
		stored := raft.Stored{Term: 3, Vote: 2, Snapshot: raft.Snapshot{Index: 1, Term: 1}, Damage: &raft.Damage{End: end}}
		return fires(func() { j.recovered(m, &stored, true) })
	}
	require.Equal(t, Durability, finds(raft.Position{Index: 3, Term: 2}))
	require.Empty(t, finds(raft.Position{Index: 4, Term: 3}))

	says := func(message raft.Message) Oracle {
		return fires(func() { j.spoken(m, raft.Envelope{From: m.id, To: 2, Message: message}) })
	}
	require.Equal(t, Durability, says(&raft.Appended{Term: 3, Match: 4}))
	j.hears(m, raft.Envelope{From: 2, To: m.id, Message: &raft.Vote{Term: 3, LastIndex: 9, LastTerm: 2}})
	require.Equal(t, Durability, says(&raft.VoteReply{Term: 3, Granted: true}))
	j.hears(m, raft.Envelope{From: 2, To: m.id, Message: &raft.Vote{Term: 3, LastIndex: 4, LastTerm: 3}})
	require.Empty(t, says(&raft.VoteReply{Term: 3, Granted: true}))

	m.rotten = nil
	require.Equal(t, Recovery, finds(raft.Position{Index: 4, Term: 3}), "nothing was destroyed")
}

// A member that its own disk keeps out, though nothing there was destroyed, is a fault of the product.
func TestSoundMemberMustNotBeKeptOut(t *testing.T) {
	w, m := luckless(t)
	m.disk.FlipBit("identity", 100)
	require.Equal(t, Recovery, fires(func() { w.losesPower(m) }))

	w, m = luckless(t)
	m.disk.Wipe()
	require.Equal(t, Recovery, fires(func() { w.losesPower(m) }))

	w, m = luckless(t)
	m.disk.SetCapacity(1)
	require.Equal(t, Recovery, fires(w.goOn), "nor may it be refused room")
}

// What was hit in one file does not excuse a refusal because of another one.
func TestRotExcusesItsOwnFileAlone(t *testing.T) {
	w, m := luckless(t)
	m.rotten = []string{"snapshot-0000000000000001"}
	m.disk.FlipBit("identity", 100)
	require.Equal(t, Recovery, fires(func() { w.losesPower(m) }))
}

// A write that went astray is missed when the power is gone, and not before.
func TestMisdirectedWriteIsMissed(t *testing.T) {
	w, m := luckless(t)
	require.True(t, m.misdirect(draw.New(1, "misdirect")))
	require.False(t, m.damaged())
	w.runUntil(w.now+30*second, func() bool { return m.damaged() })
	require.True(t, m.up())
	w.losesPower(m)
	require.NotZero(t, w.counts[schedule.Misdirected].Observed)
	w.goOn()
	require.True(t, m.lost != "" || !m.convalescent())
}

// A member whose disk was replaced has another directory than the one that promised: it never speaks again.
func TestWipedMemberStaysOut(t *testing.T) {
	w, m := luckless(t)
	before := m.options().Incarnation
	require.True(t, m.wipe())
	require.False(t, m.up())
	w.goOn()
	require.Contains(t, m.lost, "not the one that the cluster was formed with")
	require.NotEqual(t, before, m.options().Incarnation)
	require.EqualValues(t, 1, w.counts[schedule.Wipe].Observed)
	require.False(t, m.wipe())
}

// Only so many lose what was durable as the cluster can do without, whatever strikes.
func TestAtlasIsAMinority(t *testing.T) {
	for members, size := range map[int]int{1: 0, 3: 1, 4: 1, 5: 2} {
		config := small(1)
		config.Members = members
		w := newWorld(config)
		count := func() (count int) {
			for _, fragile := range w.atlas() {
				if fragile {
					count++
				}
			}
			return count
		}
		require.Equal(t, size, count(), "of %d", members)
		w.knobs.atlas = 9
		require.Equal(t, members, count(), "a world beyond what is promised")
	}
	w, _ := realm(t)
	d := draw.New(1, "any")
	for place, fragile := range w.atlas() {
		if m := w.members[place]; !fragile {
			require.False(t, m.rot(d) || m.misdirect(d) || m.wipe())
		}
		require.True(t, slices.Contains(w.members, w.fragile(d)) && w.atlas()[w.fragile(d).place])
	}
}

// When all are damaged nobody starts, and nobody says anything wrong.
func TestNobodyComesBackFromAMajorityThatIsDestroyed(t *testing.T) {
	w, _ := realm(t)
	w.knobs.atlas = 5
	d := draw.New(1, "rot")
	for _, m := range w.members {
		for range 50 {
			require.True(t, m.rot(d))
		}
	}
	for _, m := range w.members {
		w.losesPower(m)
		require.NotEmpty(t, m.lost)
	}
	require.Nil(t, w.leader())
	w.goOn()
}

// After a failed write or sync the process ends, and whatever the next one reads is on the disk before it says a word: the power
// that is lost then takes nothing.
func TestFailureOfTheDiskEndsTheProcess(t *testing.T) {
	for fault, fail := range map[schedule.Fault]func(*member, draw.Draws) bool{
		schedule.WriteError: (*member).failWrite, schedule.FailedSync: (*member).failSync,
	} {
		for seed := range uint64(25) {
			w, m := realm(t)
			w.runUntil(w.now+time.Duration(seed)*100*millisecond, func() bool { return false })
			boot := m.boot
			require.True(t, fail(m, draw.New(seed, "failure")))
			w.runUntil(w.now+30*second, func() bool { return m.boot > boot })
			require.False(t, m.up())
			require.False(t, fail(m, draw.New(seed, "failure")))
			require.EqualValues(t, 1, w.counts[fault].Observed, fault)
			w.runUntil(w.now+30*second, m.up)
			require.True(t, m.up())
			w.losesPower(m)
			require.True(t, m.up())
			w.goOn()
		}
	}
}

// A server whose disk is full hears of it, as does the world, and again when there is room. What waited is then kept.
func TestFullDiskIsNoticedAndGotOver(t *testing.T) {
	w, m := realm(t)
	require.True(t, m.fill(20*second, draw.New(1, "fill")))
	require.False(t, m.fill(20*second, draw.New(1, "fill")))
	m.disk.SetCapacity(m.disk.Used())
	w.runUntil(w.now+19*second, func() bool { return m.full })
	require.True(t, m.full)
	require.EqualValues(t, 1, w.counts[schedule.FullDisk].Observed)
	w.runUntil(w.now+19*second, func() bool { return m.lack })
	require.True(t, m.lack, "in the end not even what must be kept finds room")
	waiting := m.queue[0].Sequence
	w.runUntil(w.now+second, func() bool { return false })
	require.Len(t, w.judge.watch(m).pending, 1, "what is tried again is not another record")
	w.runUntil(w.now+40*second, func() bool { return m.crowded == 0 && !m.full })
	require.False(t, m.full)
	w.goOn()
	require.Greater(t, m.written, waiting)
	require.EqualValues(t, 1, w.counts[schedule.FullDisk].Observed)
	require.True(t, m.up())
}

// Room is asked for even while nothing has to be kept: else commands would be refused for ever.
func TestFullDiskIsAskedForRoomAgain(t *testing.T) {
	w, m := realm(t)
	require.True(t, m.fill(20*second, draw.New(1, "fill")))
	m.disk.SetCapacity(m.disk.Used())
	w.runUntil(w.now+19*second, func() bool { return m.full && !m.lack })
	require.True(t, m.full)
	m.relieve()
	w.runUntil(w.now+2*roomInterval, func() bool { return !m.full })
	require.False(t, m.full)
}

// A process that finds no room to begin is tried again until it does.
func TestFullDiskKeepsAProcessFromBeginning(t *testing.T) {
	w, m := realm(t)
	require.True(t, m.fill(20*second, draw.New(1, "fill")))
	m.disk.SetCapacity(m.disk.Used())
	w.runUntil(w.now+19*second, func() bool { return m.lack })
	boot := m.boot
	m.kill(millisecond)
	w.runUntil(w.now+40*second, func() bool { return m.up() && m.crowded == 0 })
	require.True(t, m.up())
	require.Greater(t, m.boot, boot+1, "it took more than one")
}

// A loss of power takes what the run has faults for, and nothing else.
func TestPowerTakesWhatTheRunHas(t *testing.T) {
	kinds := []schedule.Fault{schedule.LostWrite, schedule.TornWrite, schedule.LostName}
	taken := func(faults ...schedule.Fault) *world {
		w, _ := realm(t, faults...)
		for range 20 {
			for _, m := range w.members {
				m.stir()
				m.crashDisk()
				m.fall(millisecond)
				w.runUntil(w.now+second, m.up)
			}
		}
		return w
	}
	w := taken()
	for _, f := range kinds {
		require.Zero(t, w.counts[f])
	}
	w = taken(kinds...)
	for _, f := range kinds {
		require.GreaterOrEqual(t, w.counts[f].Injected, uint64(100))
		require.NotZero(t, w.counts[f].Observed, f)
		require.Less(t, w.counts[f].Observed, w.counts[f].Injected)
	}
}

// Whose write was torn may lose power again at once, about when what was torn is cut from the log; and nobody else does.
func TestPowerGoesAgainBehindATear(t *testing.T) {
	again := func(faults ...schedule.Fault) (relapses int) {
		w, m := luckless(t, faults...)
		for range 20 {
			m.stir()
			m.crashDisk()
			relapse, boot := m.relapse, m.boot
			m.fall(millisecond)
			w.runUntil(w.now+20*second, func() bool { return m.up() && m.relapse == 0 })
			if relapse > 0 {
				require.Greater(t, m.boot, boot+1, "it was down twice")
				relapses++
			}
		}
		return relapses
	}
	require.Zero(t, again(schedule.LostWrite))
	require.NotZero(t, again(schedule.LostWrite, schedule.TornWrite))
}

// stir leaves a name and a write of several sectors on the disk that are not synced. The next process clears them away.
func (m *member) stir() {
	m.disk.Relent() // its power may be about to go again
	file, err := m.disk.Create("leftover.new")
	must(err)
	_, err = file.WriteAt(bytes.Repeat([]byte("x"), 4*disk.SectorSize), 0)
	must(err)
}
