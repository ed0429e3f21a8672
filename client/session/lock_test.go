package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
)

func TestLostReplyIsAskedForAgain(t *testing.T) {
	s := opened(t, 1)
	s.step(Acquire{Handle: 1, Name: "a"})
	first := s.only()
	s.pass(510 * ms)
	again := s.only()
	require.Equal(t, first.Command, again.Command)
	require.NotEqual(t, first.Correlation, again.Correlation)
	s.answer(again, grant(5))
	s.answer(again, grant(5))
	s.answer(first, grant(5))
	require.Equal(t, []Event{Granted{1, grant(5)}}, s.told(), "an outcome is told once")
}

// The low-water mark follows the answers, and the command that is repeated differs in nothing else.
func TestAcknowledgedFollowsTheAnswers(t *testing.T) {
	s := opened(t, 1)
	for handle := range Handle(3) {
		s.step(Acquire{Handle: handle + 1, Name: "a", Wait: lockfsm.Forever})
	}
	sends := s.sent()
	s.acquires(sends[0], 1, 0)
	s.acquires(sends[2], 3, 0)
	s.answer(sends[1], grant(5))
	s.step(Acquire{Handle: 4, Name: "a", Wait: lockfsm.Forever})
	s.acquires(s.only(), 4, 0)
	s.answer(sends[0], grant(6))
	s.step(Disconnected{0})
	s.pass(10 * ms)
	again := s.sent()
	require.Len(t, again, 2)
	s.acquires(again[0], 3, 2)
	s.acquires(again[1], 4, 2)
}

// A lock can be given back by whoever knows its token, an administrator, say. When that happened before the grant's answer
// arrived, or was asked for again, the answer names another holder, or none.
func TestGrantThatIsOverWhenItArrives(t *testing.T) {
	s := opened(t, 1)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	over := grant(5)
	over.Current = 6
	s.answer(s.only(), over)
	require.False(t, s.held())
	require.Equal(t, []Event{Lost{1}}, s.told())
}

func TestReleaseEndsHeldBeforeItIsAnswered(t *testing.T) {
	s := holding(t, 1)
	s.step(Release{1})
	require.False(t, s.held())
	release := s.only()
	require.Equal(t, lockfsm.Release{
		Request: lockfsm.Request{Session: 1, Sequence: 2, Acknowledged: 1}, Name: "a", Token: 5,
	}, release.Command)
	s.pass(510 * ms)
	again := s.only()
	require.Equal(t, release.Command, again.Command)
	s.step(Release{1})
	s.answer(again, result(lockfsm.OK))
	require.Equal(t, []Event{Released{1, result(lockfsm.OK)}}, s.told())
	s.step(Release{1})
	require.Equal(t, []Event{Rejected{1, ErrNotHeld}}, s.told())
}

func TestReleaseOfALockThatIsNotOursAnyMore(t *testing.T) {
	s := holding(t, 1)
	s.step(Release{1})
	s.answer(s.only(), result(lockfsm.StaleToken))
	require.Equal(t, []Event{Refused{1, result(lockfsm.StaleToken)}}, s.told())
}

// The servers have no room for one more answer of this session: a lock must be given back all the same.
func TestReleaseIsNotGivenUp(t *testing.T) {
	s := holding(t, 1)
	s.step(Release{1})
	s.answer(s.only(), result(lockfsm.TooManyRequests))
	s.pass(10 * ms)
	s.answer(s.only(), result(lockfsm.OK))
	require.Equal(t, []Event{Released{1, result(lockfsm.OK)}}, s.told())
}

// The grant crosses the Cancel: it is not reported, and the Cancel takes it back. Until then the low-water mark stays below the
// Acquire, whose grant the servers must remember to find it.
func TestCancelBeforeTheGrantArrives(t *testing.T) {
	s := opened(t, 1)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	acquire := s.only()
	s.step(Cancel{1})
	cancel := s.only()
	require.Equal(t, lockfsm.Cancel{Request: lockfsm.Request{Session: 1, Sequence: 2}, Target: 1}, cancel.Command)
	s.answer(acquire, grant(5))
	require.Empty(t, s.told())
	require.False(t, s.held())
	s.pass(510 * ms)
	again := s.only()
	require.Equal(t, cancel.Command, again.Command)
	s.answer(again, result(lockfsm.OK))
	require.Equal(t, []Event{Canceled{1, result(lockfsm.OK)}}, s.told())
	s.step(Acquire{Handle: 2, Name: "a", Wait: lockfsm.Forever})
	s.acquires(s.only(), 3, 2)
}

// The application had not looked yet when the grant arrived: the lock is given back by its token.
func TestCancelAfterTheGrantReleases(t *testing.T) {
	s := holding(t, 1)
	s.step(Cancel{1})
	require.False(t, s.held())
	release := s.only()
	require.IsType(t, lockfsm.Release{}, release.Command)
	s.answer(release, result(lockfsm.OK))
	require.Equal(t, []Event{Released{1, result(lockfsm.OK)}}, s.told())
}

func TestReleaseBeforeTheGrantCancels(t *testing.T) {
	s := opened(t, 1)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	s.sent()
	s.step(Release{1})
	require.IsType(t, lockfsm.Cancel{}, s.only().Command)
}

func TestCancelOfWhatWasNeverSent(t *testing.T) {
	s := begin(t, 1)
	s.step(Acquire{Handle: 1, Name: "a"})
	s.step(Cancel{1})
	require.Equal(t, []Event{Rejected{1, ErrCanceled}}, s.told())
}

// What was sent before the session was lost is unknown, what was not is rejected, what was held is lost.
func TestOutcomesWhenTheSessionIsLost(t *testing.T) {
	s := holding(t, 1)
	s.step(Acquire{Handle: 2, Name: "a", Wait: lockfsm.Forever})
	s.step(Disconnected{0})
	s.step(Acquire{Handle: 3, Name: "a", Wait: lockfsm.Forever})
	s.sent()
	s.stop(storyLease)
	s.step(Timeout{})
	require.Equal(t, []Event{Changed{Gone}, Lost{1}, Unknown{2}, Rejected{3, ErrLost}}, s.told())
}

// "No such session" to a repeated Acquire: the first sending may have been granted while the session lived. To one that was
// sent once, it is a plain refusal.
func TestUnknownSessionForARetry(t *testing.T) {
	gone := result(lockfsm.UnknownSession)
	for _, repeated := range []bool{false, true} {
		s := opened(t, 1)
		s.step(Acquire{Handle: 1, Name: "a"})
		outcome := Event(Refused{1, gone})
		if repeated {
			s.sent()
			s.pass(510 * ms)
			outcome = Unknown{1}
		}
		s.answer(s.only(), gone)
		require.Contains(t, s.told(), outcome)
		require.Equal(t, Gone, s.session.State())
	}
}

func TestCloseHandsOverAllLocksAtOnce(t *testing.T) {
	s := holding(t, 1)
	s.step(Acquire{Handle: 2, Name: "b", Wait: lockfsm.Forever})
	s.sent()
	s.step(Close{})
	require.False(t, s.held())
	require.Equal(t, []Event{Changed{Closed}, Unknown{2}}, s.told())
	require.Equal(t, lockfsm.Close{Session: 1}, s.only().Command)
	s.pass(510 * ms)
	again := s.only()
	s.step(Acquire{Handle: 3, Name: "a"})
	require.Equal(t, []Event{Rejected{3, ErrClosed}}, s.told())
	s.answer(again, result(lockfsm.OK))
	require.Equal(t, []Event{Released{1, result(lockfsm.OK)}, Ended{}}, s.told())
	s.pass(10 * storyTTL)
	s.silent()
}

// A Close is repeated until the lease is over; the servers need no telling then.
func TestCloseThatNobodyAnswers(t *testing.T) {
	s := holding(t, 1)
	s.step(Close{})
	s.pass(storyLease)
	require.Equal(t, []Event{Changed{Closed}, Lost{1}, Ended{}}, s.told())
	require.Greater(t, len(s.sent()), 3)
	s.pass(10 * storyTTL)
	s.silent()
}

func TestCloseBeforeTheSessionIsOpen(t *testing.T) {
	s := begin(t, 1)
	s.step(Acquire{Handle: 1, Name: "a"})
	s.step(Close{})
	require.Equal(t, []Event{Changed{Closed}, Rejected{1, ErrClosed}, Ended{}}, s.told())
}

// One wait pins the low-water mark. Acquires beyond the bound are rejected; what they brought can be given back.
func TestRequestsAreBounded(t *testing.T) {
	s := opened(t, 1)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	wait := s.only()
	for handle := Handle(2); handle <= MaxRequests; handle++ {
		s.step(Acquire{Handle: handle, Name: "b"})
		s.answer(s.only(), grant(lockfsm.Token(handle)))
	}
	s.told()
	s.step(Acquire{Handle: 1000, Name: "b"})
	require.Equal(t, []Event{Rejected{1000, ErrTooManyRequests}}, s.told())
	for handle := Handle(2); handle <= MaxRequests; handle++ {
		s.step(Release{handle})
		s.answer(s.only(), result(lockfsm.OK))
	}
	require.Len(t, s.told(), MaxRequests-1)
	s.answer(wait, grant(1))
	s.step(Acquire{Handle: 1001, Name: "b"})
	s.only()
}

// A Release that the servers have no room for stays here until the low-water mark rises.
func TestReleaseBeyondTheBoundWaitsForRoom(t *testing.T) {
	const locks = lockfsm.MaxRequests + 1
	s := opened(t, 1)
	for handle := Handle(1); handle <= locks; handle++ {
		s.step(Acquire{Handle: handle, Name: "b"})
		s.answer(s.only(), grant(lockfsm.Token(handle)))
	}
	s.step(Release{1})
	pinned := s.only()
	for handle := Handle(2); handle < locks; handle++ {
		s.step(Release{handle})
		s.answer(s.only(), result(lockfsm.OK))
	}
	s.step(Release{locks})
	s.silent()
	require.False(t, s.session.Held(s.now, locks))
	s.answer(pinned, result(lockfsm.OK))
	require.IsType(t, lockfsm.Release{}, s.only().Command)
}
