package sim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lockd/server"
	"lockd/wal"
)

// A running member reads again what is at rest on its disk (wal.Scrub), and what has rotted is replaced before a restart reads it. The
// simulated disk knows which bits have turned over, so a judge can hold three things against it: nothing sound is called damaged; what had
// rotten at rest when a pass began is found by its end, or gone; and what is called replaced is.

// scrubPortion is how many bytes are read at an instant, at least.
const scrubPortion = 64 << 10

// cureTime is how long a healed member has to replace what it found damaged, once it has applied all that was in it.
const cureTime = 10 * second

// scrubber is a process's search for rot.
type scrubber struct {
	scrub  *wal.Scrub
	due    []patient // files at rest that were rotten when the pass began
	looks  int       // that the pass may still take
	found  []patient // since the process began
	ill    []patient // those of them that are not replaced yet
	healed uint64
	since  time.Duration // when the last one was found
}

// patient is a file: another one may take its name, and rot in its turn.
type patient struct {
	name   string
	number uint64
}

func (m *member) patient(name string) patient { return patient{name, m.disk.Number(name)} }

// rots tells whether that file is still there, and as rotten as it was.
func (m *member) rots(p patient) bool { return m.patient(p.name) == p && m.disk.Rotten(p.name) }

// noteRemains notes which segments there are when a process begins: if any of them has rotted, the log may begin anew behind them.
func (m *member) noteRemains() {
	for _, number := range m.segments() {
		if m.damaged() {
			m.remains = max(m.remains, number)
		}
	}
}

func (m *member) beginScrub() {
	m.scrubber = scrubber{scrub: m.log.Scrub()}
	m.scrubLater()
}

func (m *member) scrubLater() {
	m.world.agenda.Add(m.world.now+m.world.knobs.scrub, event{kind: scrubDue, place: int32(m.place), boot: m.boot})
}

// scrub reads on, and has the server replace what is damaged, as a running node does (daemon/scrubber.go).
func (m *member) scrub() {
	s := &m.scrubber
	for read := int64(0); read < scrubPortion; {
		left := s.scrub.Left()
		if left == 0 {
			s.due = m.rottenAtRest()
		}
		over, err := s.scrub.Step()
		m.finds(err)
		if left == 0 {
			left, s.looks = wal.ScrubPiece+s.scrub.Left(), int(2+2*s.scrub.Left()/scrubPortion)
		}
		read += left - s.scrub.Left()
		if over {
			m.passed()
			break
		}
	}
	if s.looks--; s.looks < 0 {
		fail(Scrubbing, "a scrub of server %d does not come to an end: %d bytes are left", m.id, s.scrub.Left())
	}
	m.noteHealed()
	m.scrubLater()
	if cure := m.log.Cure(); cure != 0 {
		m.step(server.Rot{Through: cure})
	}
}

// finds judges what a scrub says of a file.
func (m *member) finds(err error) {
	if err == nil {
		return
	}
	var damage *wal.DamageError
	if !errors.As(err, &damage) {
		fail(Scrubbing, "a scrub of server %d can't read its disk: %v", m.id, err)
	}
	if !m.wounded(damage.File) {
		fail(Scrubbing, "a scrub of server %d finds damage where nothing was destroyed: %v", m.id, damage)
	}
	m.world.tell("a scrub of server %d finds that %v", m.id, damage)
	found := m.patient(damage.File)
	m.scrubber.found, m.scrubber.ill = append(m.scrubber.found, found), append(m.scrubber.ill, found)
	m.scrubber.since = m.world.now
	if isSegment(damage.File) {
		m.world.hit(segmentScrubbed)
	} else {
		m.world.hit(snapshotScrubbed)
	}
}

// passed judges a pass: it has found what was there to be found.
func (m *member) passed() {
	for _, p := range m.scrubber.due {
		if m.rots(p) && !slices.Contains(m.scrubber.found, p) {
			fail(Scrubbing, "a scrub of server %d has read %s, and not found what has rotted in it", m.id, p.name)
		}
	}
	m.scrubber.due = nil
}

// noteHealed judges what is called replaced: it is not there any more.
func (m *member) noteHealed() {
	s := &m.scrubber
	if _, healed := m.log.Rot(); healed == s.healed || m.log.Cure() != 0 {
		return
	}
	_, s.healed = m.log.Rot()
	for _, p := range s.ill {
		if m.rots(p) {
			fail(Scrubbing, "server %d calls %s replaced, and it is as rotten as it was", m.id, p.name)
		}
		m.rotten = slices.DeleteFunc(m.rotten, func(name string) bool { return name == p.name && !m.disk.Rotten(name) })
		m.world.hit(rotHealed)
		m.world.tell("server %d has replaced %s", m.id, p.name)
	}
	s.ill = nil
}

// healsInTime judges that what was found long ago is replaced in the end, in a member where nothing is wrong but that.
func (m *member) healsInTime() {
	cure, applied := m.log.Cure(), m.server.Node().Status().Applied
	if m.convalescent() || m.inDoubt() {
		return // what is left from before the damage goes first, and not before that is mended
	}
	if m.core && m.snapshot == nil && cure != 0 && cure <= applied && m.world.now-m.scrubber.since > cureTime {
		fail(Scrubbing, "server %d found rot at %v, and has not replaced it by %v, though it has applied entry %d", m.id, m.scrubber.since, m.world.now, applied)
	}
}

// rottenAtRest are the files that are certainly at rest and have a bit that has turned over: all snapshots, and the segments before the last
// two, one of which is in use, and one is next.
func (m *member) rottenAtRest() (files []patient) {
	if len(m.rotten) == 0 {
		return nil
	}
	segments := m.segments()
	for _, name := range m.rotten {
		number, is := segmentNumber(name)
		rests := is && number <= segments[len(segments)-1]-2 && number > m.remains
		if snapshot := strings.HasPrefix(name, "snapshot-") && !strings.HasSuffix(name, ".new"); m.disk.Rotten(name) && (rests || snapshot) {
			files = append(files, m.patient(name))
		}
	}
	return files
}

// segments are the numbers of the segments on the disk, rising.
func (m *member) segments() (numbers []int) {
	names, err := m.disk.List()
	must(err)
	for _, name := range names {
		if number, is := segmentNumber(name); is {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func isSegment(name string) bool { return strings.HasSuffix(name, ".segment") }

func segmentNumber(name string) (number int, is bool) {
	if !isSegment(name) {
		return 0, false
	}
	_, err := fmt.Sscanf(name, "%x.segment", &number)
	return number, err == nil
}
