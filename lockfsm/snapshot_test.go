package lockfsm

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// busy is a story in which everything that a snapshot can hold has happened.
func busy(t testing.TB) *story {
	s := tell(t)
	a := s.do(Open{Nonce: 5, TTL: 10 * time.Second, Owner: "host"}).Session
	b := s.open()
	s.later(time.Second)
	s.do(Acquire{Request: Request{Session: a, Sequence: 3, Acknowledged: 1}, Name: "lock", Value: []byte("v"), Wait: Forever})
	s.acquire(b, 1, time.Minute)
	s.acquire(b, 2, Forever)
	s.acquire(a, 0, 2*time.Second)
	s.do(Acquire{Request: Request{Session: b, Sequence: 7}, Name: "other"})
	s.do(Release{Request: Request{Session: b, Sequence: 8}, Name: "other", Token: 2})
	s.cancel(a, 9, 8)
	s.cancel(b, 9, 2)
	s.do(Acquire{Request: Request{Session: b, Sequence: 10}, Name: "third"})
	s.later(3 * time.Second)
	s.do(Clock{})
	return s
}

// The bytes are on disks that later versions must read, and the digest among them is
// compared between replicas of different versions.
func TestSnapshotBytesNeverChange(t *testing.T) {
	require.Equal(t, "93382671983487101be187ae06ee861ab28667c88f70eb458497eea6e1fb2df7", fmt.Sprintf("%x", sha256.Sum256(busy(t).machine.Snapshot().Encode())))
}

// Both must go on alike from there: whatever was left out of the encoding would show.
func TestRestoredMachineGoesOnAlike(t *testing.T) {
	s := busy(t)
	restored, err := Restore(s.machine.Snapshot().Encode())
	require.NoError(t, err)
	require.Equal(t, s.machine.Counts(), restored.Counts())
	require.Equal(t, s.machine.Digest(), restored.Digest())
	twin := *s
	twin.machine = restored
	for _, after := range []*story{s, &twin} {
		after.do(Open{Nonce: 5, TTL: time.Second})
		after.do(Release{Name: "lock", Token: 1})
		after.acquire(1, 3, Forever)
		after.later(time.Minute)
		after.do(Expire{Sessions: after.machine.Due(nil, after.at, 10)})
	}
	require.Equal(t, s.machine.Digest(), restored.Digest())
	require.Equal(t, s.machine.Snapshot().Encode(), restored.Snapshot().Encode())
}

// A snapshot is encoded, piece by piece, while the machine goes on being changed.
func TestSnapshotStaysWhileItsMachineGoesOn(t *testing.T) {
	s := tell(t)
	session := s.open()
	m, index := s.machine, s.index
	acquire := func(name int) {
		index++
		command := Acquire{Request: Request{Session: session}, Name: fmt.Sprint("lock ", name), Value: make([]byte, 100)}
		require.NoError(t, m.Apply(index, 0, Oldest.Encode(nil, command), &s.applied))
	}
	for name := range 3000 {
		acquire(name)
	}
	snapshot := m.Snapshot()
	before := snapshot.Encode()
	var pieces []byte
	chunks := 0
	for chunk := range snapshot.Chunks() {
		require.LessOrEqual(t, len(chunk), chunkSize+chunkSize/4)
		pieces = append(pieces, chunk...)
		chunks++
		for token := range Token(500) {
			index++
			held, known := m.grants.get(tokenKey(Token(chunks-1)*500 + token + 1))
			if known {
				release := Release{Name: held, Token: Token(chunks-1)*500 + token + 1}
				require.NoError(t, m.Apply(index, 0, Oldest.Encode(nil, release), &s.applied))
			}
		}
		acquire(10_000 + chunks)
	}
	require.Greater(t, chunks, 4)
	require.True(t, string(before) == string(pieces))
	require.NoError(t, m.Check())
	for range snapshot.Chunks() {
		break
	}
}

// An entry that begins knows no place in the tree from the one before it: the lock that was looked up last stands in a shared node by now.
func TestSnapshotKeepsWhatWasLookedUpLast(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	s.acquire(a, 1, Forever)
	snapshot := s.machine.Snapshot()
	require.Equal(t, Waiting, s.acquire(b, 1, Forever).Status)
	kept, _ := snapshot.locks.get("lock")
	require.Zero(t, kept.waiters)
}

// The same from another goroutine: the race detector watches that no shared node is written.
func TestSnapshotIsEncodedElsewhere(t *testing.T) {
	s := busy(t)
	expected := s.machine.Snapshot().Encode()
	snapshot, encoded := s.machine.Snapshot(), make(chan []byte)
	go func() { encoded <- snapshot.Encode() }()
	for sequence := range Sequence(100) {
		s.acquire(1, 100+sequence, Forever)
		s.machine.Snapshot()
	}
	require.Equal(t, expected, <-encoded)
}

// Whatever bytes come: an error, or a machine that keeps every invariant and says the same bytes.
func requireSound(t require.TestingT, data []byte) {
	m, err := Restore(data)
	if err != nil {
		var format *FormatError
		require.ErrorAs(t, err, &format)
		require.Equal(t, "snapshot", format.What)
		return
	}
	require.NoError(t, m.Check())
	require.Equal(t, data, m.Snapshot().Encode())
}

func TestRestoreOfDamagedBytes(t *testing.T) {
	data := busy(t).machine.Snapshot().Encode()
	for size := range data {
		_, err := Restore(data[:size])
		require.Error(t, err, "%d of %d bytes", size, len(data))
	}
	for at := range data {
		for bit := range 8 {
			damaged := append([]byte(nil), data...)
			damaged[at] ^= 1 << bit
			requireSound(t, damaged)
		}
	}
	_, err := Restore(append(data, 0))
	require.ErrorIs(t, err, ErrTrailing)
	data[0] = byte(Newest) + 1
	_, err = Restore(data)
	require.ErrorIs(t, err, ErrVersion)
	data[0] = 0
	_, err = Restore(data)
	require.ErrorIs(t, err, ErrVersion)
}

// Each of these is well-formed and contradicts itself.
func TestRestoreRefusesBrokenInvariants(t *testing.T) {
	for _, broken := range []struct {
		sentence string
		damage   func(m *Machine)
	}{
		{"the time is not a cluster time", func(m *Machine) { m.time = -1 }},
		{"two sessions were opened with one nonce", func(m *Machine) { m.sessions.edit(2).nonce = 5 }},
		{"it has a token that was never granted", func(m *Machine) { m.last = 2 }},
		{"the grants are not those of the locks", func(m *Machine) { m.locks.edit("third").token = 1 }},
		{"it was granted in the future", func(m *Machine) { m.locks.edit("third").place = 99 }},
		{"its TTL or its owner is not allowed", func(m *Machine) { m.sessions.edit(2).ttl = 1 }},
		{"its deadline is not one TTL after an entry", func(m *Machine) { m.sessions.edit(2).deadline = time.Hour }},
		{"it is not named by an entry", func(m *Machine) { m.sessions.set(99, session{ttl: MinTTL, deadline: MinTTL}) }},
		{"its time is over", func(m *Machine) { m.queue.edit(queueKey{"lock", 4}).until = m.time }},
		{"it came before the holder, or in the future", func(m *Machine) { m.locks.edit("lock").place = 4 }},
		{"its request is forgotten", func(m *Machine) { m.requests.delete(requestKey{2, 1}) }},
		{"its request is remembered as another", func(m *Machine) { m.requests.edit(requestKey{2, 1}).status = OK }},
		{"it waits in no queue", func(m *Machine) { m.requests.edit(requestKey{2, 7}).status = Waiting }},
		{"its answer was never given", func(m *Machine) { m.requests.edit(requestKey{2, 7}).status = 9 }},
		{"its command is none that is remembered", func(m *Machine) { m.requests.edit(requestKey{2, 7}).kind = kindOpen }},
		{"its lock has no name that is allowed", func(m *Machine) { m.requests.edit(requestKey{2, 7}).name = "\n" }},
		{"it was taken back before it came", func(m *Machine) { m.requests.edit(requestKey{1, 8}).status = Busy }},
		{"it is acknowledged and still remembered", func(m *Machine) { m.sessions.edit(1).acknowledged = 3 }},
		{"it has no session or no number", func(m *Machine) { m.requests.set(requestKey{2, 0}, request{kind: kindAcquire, status: Canceled}) }},
		{"its name or its value is not allowed", func(m *Machine) { m.locks.edit("third").value = make([]byte, MaxValue+1) }},
		{"its value is not allowed", func(m *Machine) { m.queue.edit(queueKey{"lock", 4}).value = make([]byte, MaxValue+1) }},
		{"snapshot contradicts itself (byte", func(m *Machine) { m.locks.delete("lock") }},
		{"snapshot contradicts itself (byte", func(m *Machine) { m.locks.edit("third").session = 77 }},
		{"snapshot contradicts itself (byte", func(m *Machine) { m.queue.edit(queueKey{"lock", 4}).session = 77 }},
		{"snapshot contradicts itself (byte", func(m *Machine) { m.requests.set(requestKey{77, 1}, request{}) }},
	} {
		s := busy(t)
		broken.damage(s.machine)
		_, err := Restore(s.machine.Snapshot().Encode())
		require.ErrorIs(t, err, ErrInvariant, broken.sentence)
		require.ErrorContains(t, err, broken.sentence)
	}
}

// Check also finds what a snapshot can't show: derived trees that went astray.
func TestCheckComparesDerivedTrees(t *testing.T) {
	for sentence, damage := range map[string]func(m *Machine){
		"the deadlines are not those of the sessions":     func(m *Machine) { m.expiry.set(expiryKey{1, 1}, struct{}{}) },
		"the waits are not those of the queues":           func(m *Machine) { m.deadlines.delete(deadlineKey{61 * time.Second, 4}) },
		"somebody waits for a lock that is free":          func(m *Machine) { m.queue.set(queueKey{"free", 9}, waiter{session: 1, until: Forever}) },
		"it is not found by its session and its deadline": func(m *Machine) { m.waits.set(waitKey{2, 4}, "third") },
		"it is not found by its token and its holder":     func(m *Machine) { m.grants.set(1, "third") },
		"it is not found by its nonce and its deadline":   func(m *Machine) { m.nonces.set(5, 2) },
		"it miscounts its locks, waiters or requests":     func(m *Machine) { m.sessions.edit(1).held++ },
		"a session that is no more has its answers kept":  func(m *Machine) { m.requests.set(requestKey{77, 1}, request{}) },
		"its holder's session is no more":                 func(m *Machine) { m.locks.edit("third").session = 77 },
		"there are more sessions or locks than allowed":   func(m *Machine) { m.locks.count = MaxLocks + 1 },
	} {
		s := busy(t)
		require.NoError(t, s.machine.Check())
		damage(s.machine)
		require.ErrorContains(t, s.machine.Check(), sentence)
	}
}

func FuzzRestore(f *testing.F) {
	f.Add(New().Snapshot().Encode())
	f.Add(busy(f).machine.Snapshot().Encode())
	f.Fuzz(func(t *testing.T, data []byte) { requireSound(t, data) })
}
