package lockfsm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// tellIn begins a story in a recovered cluster.
func tellIn(t testing.TB, epoch Epoch) *story {
	return &story{TB: t, machine: NewIn(epoch), index: uint64(epoch)}
}

// Those who held and waited when the majority was lost come back with what they have: it is worth nothing any more.
func TestNothingOfTheOldClusterMeansAnythingAfterARecovery(t *testing.T) {
	old := tell(t)
	holder, waiter := old.open(), old.open()
	token := old.acquire(holder, 1, Forever).Token
	old.acquire(waiter, 1, Forever)

	epoch, err := NextEpoch(old.machine.Last(), 7)
	require.NoError(t, err)
	s := tellIn(t, epoch)
	require.Equal(t, UnknownSession, s.do(Acquire{Request: Request{Session: holder, Sequence: 1}, Name: "lock"}).Status, "not even a retry")
	require.Equal(t, []Renewal{{holder, UnknownSession}, {waiter, UnknownSession}}, s.renew(holder, waiter))
	require.Equal(t, StaleToken, s.release(token))

	successor := s.open()
	require.Greater(t, successor, waiter, "a session's number never comes again")
	granted := s.acquire(successor, 1, Forever)
	require.Equal(t, OK, granted.Status)
	require.Equal(t, Token(epoch)+1, granted.Token)
	require.Equal(t, StaleToken, s.release(token), "the old holder does not end the new grant")
}

func (s *story) renew(sessions ...SessionID) []Renewal {
	s.do(Renew{Sessions: sessions})
	return append([]Renewal(nil), s.applied.Renewals...)
}

// Neither the tokens nor the sessions of a cluster may run into those of the one that succeeds it.
func TestNoCounterReachesIntoTheNextGeneration(t *testing.T) {
	const end = 1<<epochShift - 1
	s := tell(t)
	a := s.open()
	s.machine.last = end - 1
	require.Equal(t, Token(end), s.acquire(a, 0, Forever).Token)
	require.PanicsWithValue(t, "lockfsm: broken invariant: tokens never reach into the next generation", func() {
		s.do(Acquire{Request: Request{Session: a}, Name: "other"})
	})
	s = tell(t)
	s.index = end - 1
	require.Equal(t, SessionID(end), s.open())
	require.PanicsWithValue(t, "lockfsm: broken invariant: the log never reaches into the next generation", func() { s.open() })
}

// Recovered again and again, from whatever token of the newest cluster is known, each cluster is above all that any before it could
// grant; and each has room to count.
func TestEachRecoveryIsAboveAllBeforeIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var epoch Epoch
		for n := range rapid.IntRange(1, 20).Draw(t, "recoveries") {
			limit := (epoch>>epochShift + 1) << epochShift // of what the cluster could grant
			known := Token(rapid.Uint64Range(uint64(epoch), uint64(limit)-1).Draw(t, "known"))
			next, err := NextEpoch(known, rapid.Uint64().Draw(t, "draw"))
			require.NoError(t, err)
			require.GreaterOrEqual(t, next, limit, "recovery %d", n)
			require.Equal(t, generation(next), generation(uint64(next)+1<<52-1), "there is room to count")
			require.Less(t, uint64(next), uint64(1)<<63, "a signed integer holds it")
			epoch = next
		}
	})
}

func TestTheLastGenerationIsNotFollowedByTheFirst(t *testing.T) {
	_, err := NextEpoch(lastGeneration<<epochShift-1, 0)
	require.NoError(t, err)
	for _, token := range []Token{lastGeneration << epochShift, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		_, err := NextEpoch(token, 0)
		require.ErrorIs(t, err, ErrNoMoreEpochs, "%x", uint64(token))
	}
}

// Two operators restore one backup, and neither knows of the other: they share no token unless their draws, of 52 bits, lie closer
// together than what one of them grants.
func TestTwoRecoveriesOfOneBackupMeetOnlyIfTheirDrawsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		backup := Token(rapid.Uint64Range(0, 1<<62).Draw(t, "backup"))
		first, second := rapid.Uint64Range(0, 1<<52-1).Draw(t, "first"), rapid.Uint64Range(0, 1<<52-1).Draw(t, "second")
		one, err := NextEpoch(backup, first)
		require.NoError(t, err)
		other, err := NextEpoch(backup, second)
		require.NoError(t, err)
		require.Equal(t, int64(first-second), int64(one-other), "every bit of the draw keeps them apart")
	})
}

// A backup is read by people's hands, and its bytes have no checksum: one that lost its generation in one place must not pass.
func TestAMachineIsOfOneGeneration(t *testing.T) {
	for sentence, damage := range map[string]func(m *Machine){
		"the log and the tokens are not of one generation": func(m *Machine) { m.last -= 1 << epochShift },
		"it is not named by an entry": func(m *Machine) {
			m.sessions.set(9, session{ttl: MinTTL, deadline: MinTTL})
			m.expiry.set(expiryKey{MinTTL, 9}, struct{}{})
		},
		"it has a token that was never granted": func(m *Machine) { m.locks.edit("lock").token = 9 },
	} {
		s := tellIn(t, 3<<epochShift+12)
		s.acquire(s.open(), 1, Forever)
		damage(s.machine)
		_, err := Restore(s.machine.Snapshot().Encode())
		require.ErrorIs(t, err, ErrInvariant, sentence)
		require.ErrorContains(t, err, sentence)
	}
}

func ExampleNextEpoch() {
	epoch, _ := NextEpoch(311, 0x5eed)
	fmt.Println(uint64(epoch)>>53, uint64(epoch)&(1<<53-1))
	// Output: 1 24301
}
