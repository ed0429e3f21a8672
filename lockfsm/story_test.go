package lockfsm

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// story drives a machine by hand: one entry after another, each checked.
type story struct {
	testing.TB
	machine *Machine
	index   uint64
	at      time.Duration
	applied Applied
}

func tell(t testing.TB) *story { return &story{TB: t, machine: New()} }

// do applies one command as the next entry.
func (s *story) do(command Command) Result {
	s.Helper()
	s.index++
	require.NoError(s, s.machine.Apply(s.index, s.at, Oldest.Encode(nil, command), &s.applied))
	require.NoError(s, s.machine.Check())
	return s.applied.Result
}

func (s *story) later(by time.Duration) { s.at += by }

// open begins a session with a TTL of ten seconds.
func (s *story) open() SessionID {
	s.Helper()
	result := s.do(Open{TTL: 10 * time.Second})
	require.Equal(s, OK, result.Status)
	return result.Session
}

func (s *story) acquire(session SessionID, sequence Sequence, wait time.Duration) Result {
	s.Helper()
	return s.do(Acquire{Request: Request{Session: session, Sequence: sequence}, Name: "lock", Wait: wait})
}

func (s *story) release(token Token) Status {
	s.Helper()
	return s.do(Release{Name: "lock", Token: token}).Status
}

func (s *story) cancel(session SessionID, sequence, target Sequence) Status {
	s.Helper()
	return s.do(Cancel{Request: Request{Session: session, Sequence: sequence}, Target: target}).Status
}

// expire does what a leader does that sees the session's time run out.
func (s *story) expire(sessions ...SessionID) {
	s.Helper()
	var due []Expiry
	for _, expiry := range s.machine.Due(nil, s.at, 1000) {
		for _, session := range sessions {
			if expiry.Session == session {
				due = append(due, expiry)
			}
		}
	}
	require.Len(s, due, len(sessions), "all of them are due")
	s.do(Expire{Sessions: due})
}

// settled is what the last entry decided about those who had waited.
func (s *story) settled() (outcomes []string) {
	for _, settled := range s.applied.Settled {
		require.Equal(s, settled.Place, settled.Result.Place)
		require.Equal(s, s.index, settled.Result.Revision)
		outcomes = append(outcomes, fmt.Sprintf("session %d: status %d, token %d", settled.Result.Session, settled.Result.Status, settled.Result.Token))
	}
	return outcomes
}

func TestGrantAndHandOver(t *testing.T) {
	s := tell(t)
	a, b, c := s.open(), s.open(), s.open()
	s.do(Acquire{Request: Request{Session: a}, Name: "lock", Value: []byte("for people"), Wait: Forever})
	require.Equal(t, Result{Status: OK, Session: a, Token: 1, Current: 1, Last: 1, Place: 4, Revision: 4}, s.applied.Result)
	require.Equal(t, Result{Status: Waiting, Session: b, Current: 1, Last: 1, Place: 5, Revision: 5}, s.acquire(b, 1, Forever))
	require.Equal(t, Waiting, s.acquire(c, 1, Forever).Status)
	require.Equal(t, "for people", string(s.machine.Lock("lock").Value))
	require.Equal(t, 2, s.machine.Lock("lock").Waiters)

	require.Equal(t, OK, s.release(1))
	require.Equal(t, Result{Status: OK, Current: 2, Last: 2, Revision: 7}, s.applied.Result)
	require.Equal(t, []Settled{{Place: 5, Result: Result{Status: OK, Session: b, Token: 2, Current: 2, Last: 2, Place: 5, Revision: 7}}}, s.applied.Settled, "exactly one waiter is woken")
	require.Equal(t, b, s.machine.Lock("lock").Session)
}

func TestBusyWhenNobodyWaits(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	s.acquire(a, 1, NoWait)
	busy := s.acquire(b, 1, NoWait)
	require.Equal(t, Busy, busy.Status)
	require.Equal(t, Token(1), busy.Current, "a refusal tells who is in the way")
	require.Zero(t, s.machine.Counts().Waiters)
}

// Somebody waits behind a holder, its own session ends meanwhile, and then the
// holder releases: a service that looks only at the queue would grant to the dead.
func TestWaiterWhoseSessionDiedIsNeverGranted(t *testing.T) {
	s := tell(t)
	a, b, c := s.open(), s.open(), s.open()
	s.acquire(a, 1, Forever)
	s.acquire(b, 1, Forever)
	s.acquire(c, 1, Forever)
	s.later(10 * time.Second)
	s.do(Renew{Sessions: []SessionID{a, c}})
	s.expire(b)
	require.Equal(t, []SessionID{b}, s.applied.Ended)
	require.Equal(t, []string{"session 2: status 13, token 0"}, s.settled(), "and it hears of it at once")
	require.Equal(t, OK, s.release(1))
	require.Equal(t, []string{"session 3: status 1, token 2"}, s.settled())
}

func TestHolderThatCrashedHandsOverInTheEntryOfItsExpiry(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	s.acquire(a, 1, Forever)
	s.acquire(b, 1, Forever)
	s.later(10 * time.Second)
	s.do(Renew{Sessions: []SessionID{b}})
	s.expire(a)
	require.Equal(t, []string{"session 2: status 1, token 2"}, s.settled())
	require.Equal(t, StaleToken, s.release(1), "the crashed holder comes back")
	require.Equal(t, Token(2), s.machine.Current("lock"))
}

// A whole rack dies: the holder, the first waiter, and the second. If sessions ended one by
// one, the lock would be granted to a session that the same entry ends.
func TestSessionsThatEndTogetherGrantNothingToEachOther(t *testing.T) {
	s := tell(t)
	a, b, c, d := s.open(), s.open(), s.open(), s.open()
	for i, session := range []SessionID{a, b, c, d} {
		s.acquire(session, Sequence(i+1), Forever)
	}
	s.later(10 * time.Second)
	s.do(Renew{Sessions: []SessionID{d}})
	s.expire(a, b, c)
	require.Equal(t, []SessionID{a, b, c}, s.applied.Ended)
	require.Equal(t, []string{"session 2: status 13, token 0", "session 3: status 13, token 0", "session 4: status 1, token 2"}, s.settled())
	require.Equal(t, uint64(2), s.machine.Counts().Grants)
}

// An unlock is committed and its answer is lost; the same session locks again, and then
// the old unlock is sent once more. By name alone it would end the new grant.
func TestRetriedReleaseLeavesTheNewGrantAlone(t *testing.T) {
	s := tell(t)
	a := s.open()
	s.acquire(a, 1, Forever)
	old := Release{Request: Request{Session: a, Sequence: 2}, Name: "lock", Token: 1}
	require.Equal(t, OK, s.do(old).Status)
	require.Equal(t, Token(2), s.acquire(a, 3, Forever).Token)
	again := s.do(old)
	require.Equal(t, OK, again.Status, "its first answer")
	require.Equal(t, Token(2), again.Current)
	require.Equal(t, StaleToken, s.release(1), "even without a number")
	require.Equal(t, Token(2), s.machine.Current("lock"))
}

// Fifty waiters give up at once, in every way there is, while the lock changes hands.
func TestWaitersThatGiveUpDoNotWedgeTheLock(t *testing.T) {
	s := tell(t)
	holder := s.open()
	s.acquire(holder, 1, Forever)
	var waiting []SessionID
	var places []Place
	for range 50 {
		waiting = append(waiting, s.open())
		places = append(places, s.acquire(waiting[len(waiting)-1], 1, Forever).Place)
	}
	for i, session := range waiting[:49] {
		switch i % 3 {
		case 0:
			require.Equal(t, OK, s.cancel(session, 2, 1))
		case 1:
			s.do(Close{Session: session})
		case 2:
			s.do(Withdraw{Name: "lock", Place: places[i]})
		}
	}
	require.Equal(t, 1, s.machine.Lock("lock").Waiters)
	s.release(1)
	require.Equal(t, waiting[49], s.machine.Lock("lock").Session)
	s.release(2)
	require.Equal(t, LockView{Name: "lock"}, s.machine.Lock("lock"))
	require.Equal(t, OK, s.acquire(holder, 2, NoWait).Status)
}

// Two threads of one process share a session: they exclude each other as any two.
func TestOneSessionTwiceIsNotReentrant(t *testing.T) {
	s := tell(t)
	a := s.open()
	require.Equal(t, OK, s.acquire(a, 1, Forever).Status)
	require.Equal(t, Waiting, s.acquire(a, 2, Forever).Status)
	require.Equal(t, Busy, s.acquire(a, 3, NoWait).Status)
	s.release(1)
	require.Equal(t, []string{"session 1: status 1, token 2"}, s.settled())
}

// A lock is released and forgotten, the machine is written out and read back, and the lock
// is taken again: were the counter kept with the lock, its tokens would begin anew.
func TestTokensRiseAcrossDeletionAndRestore(t *testing.T) {
	s := tell(t)
	a := s.open()
	for expected := Token(1); expected <= 7; expected++ {
		require.Equal(t, expected, s.acquire(a, 0, NoWait).Token)
		require.Equal(t, OK, s.release(expected))
		require.Zero(t, s.machine.Counts().Locks, "an idle lock takes no room")
		restored, err := Restore(s.machine.Snapshot().Encode())
		require.NoError(t, err)
		s.machine = restored
	}
	require.Equal(t, Token(8), s.do(Acquire{Request: Request{Session: a}, Name: "another"}).Token)
}

func TestReleaseRefusals(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	s.acquire(a, 1, Forever)
	s.do(Acquire{Request: Request{Session: b}, Name: "other"})
	require.Equal(t, ZeroToken, s.release(0))
	require.Equal(t, FutureToken, s.release(3))
	require.Equal(t, WrongName, s.release(2))
	require.Equal(t, UnknownSession, s.do(Release{Request: Request{Session: 99}, Name: "lock", Token: 1}).Status)
	require.Equal(t, Token(1), s.machine.Current("lock"))
	require.Equal(t, Token(2), s.machine.Current("other"))
	require.Equal(t, OK, s.do(Release{Request: Request{Session: b}, Name: "lock", Token: 1}).Status, "the token is the proof")
	require.Equal(t, StaleToken, s.release(1))
}

func TestRetriedAcquireFindsItsGrant(t *testing.T) {
	s := tell(t)
	a := s.open()
	first := s.acquire(a, 1, Forever)
	require.Equal(t, first, s.acquire(a, 1, Forever))
	require.Equal(t, uint64(1), s.machine.Counts().Grants)
}

func TestRetriedAcquireKeepsItsPlace(t *testing.T) {
	s := tell(t)
	a, b, c := s.open(), s.open(), s.open()
	s.acquire(a, 1, Forever)
	first := s.acquire(b, 1, Forever)
	s.acquire(c, 1, Forever)
	require.Equal(t, first, s.acquire(b, 1, Forever))
	require.Equal(t, 2, s.machine.Lock("lock").Waiters)
	s.release(1)
	require.Equal(t, b, s.machine.Lock("lock").Session)
	granted := s.applied.Settled[0].Result
	require.Equal(t, granted, s.acquire(b, 1, Forever), "the answer of a queued Acquire is its grant")
	s.release(2)
	late := s.acquire(b, 1, Forever)
	require.Equal(t, Token(2), late.Token)
	require.Equal(t, Token(3), late.Current, "an old answer does not hide who holds the lock now")
	require.Equal(t, granted.Revision, late.Revision)
}

// A refusal is an answer too. Else a duplicate which the network held back would be
// granted long after its caller was told that it was not.
func TestRetriedRefusalStaysRefused(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	s.acquire(a, 1, Forever)
	require.Equal(t, Busy, s.acquire(b, 1, NoWait).Status)
	s.release(1)
	require.Equal(t, Busy, s.acquire(b, 1, NoWait).Status)
	require.Zero(t, s.machine.Current("lock"))
}

func TestNumberUsedForAnotherCommand(t *testing.T) {
	s := tell(t)
	a := s.open()
	s.acquire(a, 1, Forever)
	r := Request{Session: a, Sequence: 1}
	for _, other := range []Command{
		Acquire{Request: r, Name: "other", Wait: Forever},
		Acquire{Request: r, Name: "lock", Wait: NoWait},
		Acquire{Request: r, Name: "lock", Wait: Forever, Value: []byte{0}},
		Release{Request: r, Name: "lock", Token: 1},
		Cancel{Request: r, Target: 2},
	} {
		require.Equal(t, SequenceReused, s.do(other).Status, "%#v", other)
	}
	require.Equal(t, Token(1), s.machine.Current("lock"))
	r.Acknowledged = 0
	require.Equal(t, OK, s.do(Acquire{Request: r, Name: "lock", Wait: Forever}).Status)
}

func TestAcknowledgedAnswersAreForgotten(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	s.acquire(b, 1, Forever)
	for sequence := range Sequence(5) {
		s.acquire(a, sequence+1, NoWait)
	}
	require.Equal(t, 6, s.machine.Counts().Requests)
	s.do(Acquire{Request: Request{Session: a, Sequence: 6, Acknowledged: 4}, Name: "lock"})
	require.Equal(t, 3, s.machine.Counts().Requests, "5 and 6, and b's own")
	require.Equal(t, SequenceForgotten, s.acquire(a, 4, NoWait).Status)
	require.Equal(t, Busy, s.acquire(a, 5, NoWait).Status)
	s.do(Acquire{Request: Request{Session: a, Sequence: 7, Acknowledged: 1}, Name: "lock"})
	require.Equal(t, SequenceForgotten, s.acquire(a, 3, NoWait).Status, "the mark only moves up")
}

func TestWaitingAcquireOutlivesItsAcknowledgement(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	s.acquire(a, 1, Forever)
	place := s.acquire(b, 1, Forever).Place
	s.do(Acquire{Request: Request{Session: b, Sequence: 9, Acknowledged: 8}, Name: "other"})
	require.Equal(t, place, s.acquire(b, 1, Forever).Place)
	s.release(1)
	require.Equal(t, b, s.machine.Lock("lock").Session)
	require.Equal(t, SequenceForgotten, s.acquire(b, 1, Forever).Status, "settled, and nobody will ask")
}

// Who acknowledges one more than before passes over a request that waits as well.
func TestWaitingAcquireOutlivesTheNextAcknowledgement(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	held := s.acquire(a, 1, Forever)
	require.Equal(t, Waiting, s.acquire(b, 1, Forever).Status)
	s.do(Acquire{Request: Request{Session: b, Sequence: 2, Acknowledged: 1}, Name: "other"})
	require.Equal(t, Waiting, s.acquire(b, 1, Forever).Status, "it is known again")
	require.Equal(t, OK, s.release(held.Token))
	require.Equal(t, SequenceForgotten, s.acquire(b, 1, Forever).Status)
}

func TestCancelOfAWaiter(t *testing.T) {
	s := tell(t)
	a, b, c := s.open(), s.open(), s.open()
	s.acquire(a, 1, Forever)
	s.acquire(b, 1, Forever)
	s.acquire(c, 1, Forever)
	require.Equal(t, OK, s.cancel(b, 2, 1))
	require.Equal(t, []string{"session 2: status 12, token 0"}, s.settled())
	require.Equal(t, Token(1), s.applied.Result.Current, "a Cancel is about its target's lock")
	require.Equal(t, Canceled, s.acquire(b, 1, Forever).Status)
	s.release(1)
	require.Equal(t, c, s.machine.Lock("lock").Session)
}

// The grant and the cancel cross on the wire: nobody would ever release that lock.
func TestCancelAfterTheGrantReleases(t *testing.T) {
	s := tell(t)
	a, b, c := s.open(), s.open(), s.open()
	s.acquire(a, 1, Forever)
	s.acquire(b, 1, Forever)
	s.acquire(c, 1, Forever)
	s.release(1)
	require.Equal(t, OK, s.cancel(b, 2, 1))
	require.Equal(t, []string{"session 3: status 1, token 3"}, s.settled())
	require.Equal(t, OK, s.cancel(b, 2, 1), "repeated, it does not take the next grant away")
	require.Equal(t, OK, s.cancel(b, 3, 1), "nor does another one")
	require.Equal(t, c, s.machine.Lock("lock").Session)
}

// The cancel overtakes its Acquire, on another connection say.
func TestAcquireThatArrivesAfterItsCancel(t *testing.T) {
	s := tell(t)
	a := s.open()
	require.Equal(t, OK, s.cancel(a, 2, 1))
	require.Equal(t, Canceled, s.acquire(a, 1, Forever).Status)
	require.Zero(t, s.machine.Current("lock"))
	require.Equal(t, Canceled, s.acquire(a, 1, Forever).Status)
	require.Equal(t, SequenceReused, s.acquire(a, 1, NoWait).Status)
	require.Equal(t, OK, s.acquire(a, 3, Forever).Status)
}

func TestCancelRefusals(t *testing.T) {
	s := tell(t)
	a := s.open()
	s.acquire(a, 1, Forever)
	s.do(Release{Request: Request{Session: a, Sequence: 2}, Name: "lock", Token: 1})
	require.Equal(t, WrongName, s.cancel(a, 3, 2), "a Release can't be taken back")
	require.Equal(t, WrongName, s.cancel(a, 4, 0))
	require.Equal(t, WrongName, s.cancel(a, 4, 4))
	require.Equal(t, UnknownSession, s.cancel(99, 1, 2))
	s.do(Acquire{Request: Request{Session: a, Sequence: 5, Acknowledged: 4}, Name: "lock"})
	require.Equal(t, SequenceForgotten, s.cancel(a, 6, 1))
	require.Equal(t, Token(2), s.machine.Current("lock"))
}

func TestWithdrawFindsTheAcquireByItsPlace(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	first := s.acquire(a, 0, Forever).Place
	second := s.acquire(b, 0, Forever).Place
	third := s.acquire(a, 0, Forever).Place
	s.do(Withdraw{Name: "lock", Place: third})
	require.Equal(t, []string{"session 1: status 12, token 0"}, s.settled())
	s.do(Withdraw{Name: "lock", Place: first})
	require.Equal(t, []string{"session 2: status 1, token 2"}, s.settled())
	s.do(Withdraw{Name: "lock", Place: first})
	s.do(Withdraw{Name: "other", Place: second})
	require.Equal(t, Token(2), s.machine.Current("lock"), "what is over, or elsewhere, is left alone")
}

// The leader sees a session's time run out and proposes its end; a renewal reaches the log first.
func TestRenewalThatComesBeforeTheExpirySaves(t *testing.T) {
	s := tell(t)
	a := s.open()
	s.acquire(a, 1, Forever)
	s.later(10 * time.Second)
	due := s.machine.Due(nil, s.at, 10)
	require.Equal(t, []Expiry{{Session: a, Deadline: 10 * time.Second}}, due)
	s.do(Renew{Sessions: []SessionID{99, a}})
	require.Equal(t, []Renewal{{Session: 99, Status: UnknownSession}, {Session: a, Status: OK}}, s.applied.Renewals)
	s.do(Expire{Sessions: due})
	require.Empty(t, s.applied.Ended)
	s.later(10 * time.Second)
	s.do(Expire{Sessions: due})
	require.Empty(t, s.applied.Ended, "what the leader saw then says nothing about now")
	require.Equal(t, Token(1), s.machine.Current("lock"))
}

func TestExpiryThatComesTooEarlyDoesNothing(t *testing.T) {
	s := tell(t)
	a := s.open()
	s.later(10*time.Second - 1)
	s.do(Expire{Sessions: []Expiry{{Session: a, Deadline: 10 * time.Second}}})
	require.Empty(t, s.applied.Ended)
	s.later(1)
	s.do(Expire{Sessions: []Expiry{{Session: a, Deadline: 10 * time.Second}, {Session: a, Deadline: 10 * time.Second}}})
	require.Equal(t, []SessionID{a}, s.applied.Ended, "once")
	require.Equal(t, uint64(1), s.machine.Counts().Expiries)
}

// No leader for an hour: the sessions live until one says otherwise.
func TestTimeAloneEndsNoSession(t *testing.T) {
	s := tell(t)
	a := s.open()
	s.acquire(a, 1, Forever)
	s.later(time.Hour)
	s.do(Clock{})
	require.Equal(t, Token(1), s.machine.Current("lock"))
	s.do(Renew{Sessions: []SessionID{a}})
	view, lives := s.machine.Session(a)
	require.True(t, lives)
	require.Equal(t, 10*time.Second, view.Left)
}

func TestCloseEndsEverythingOfASession(t *testing.T) {
	s := tell(t)
	a, b := s.open(), s.open()
	s.acquire(a, 1, Forever)
	s.acquire(b, 1, Forever)
	s.do(Acquire{Request: Request{Session: b}, Name: "other"})
	s.do(Acquire{Request: Request{Session: a}, Name: "other", Wait: Forever})
	require.Equal(t, OK, s.do(Close{Session: a}).Status)
	require.Equal(t, []string{"session 1: status 13, token 0", "session 2: status 1, token 3"}, s.settled())
	require.Equal(t, UnknownSession, s.do(Close{Session: a}).Status)
	require.Equal(t, UnknownSession, s.acquire(a, 1, Forever).Status)
	require.Equal(t, Counts{Sessions: 1, Locks: 2, Requests: 1, Grants: 3}, s.machine.Counts())
}

func TestRepeatedOpenFindsItsSession(t *testing.T) {
	s := tell(t)
	open := Open{Nonce: 77, TTL: time.Minute, Owner: "host"}
	first := s.do(open)
	s.later(30 * time.Second)
	again := s.do(open)
	require.Equal(t, first, again)
	view, _ := s.machine.Session(first.Session)
	require.Equal(t, 30*time.Second, view.Left, "it is not renewed")
	s.do(Close{Session: first.Session})
	require.NotEqual(t, first.Session, s.do(open).Session)
	require.NotEqual(t, s.do(Open{TTL: time.Minute}).Session, s.do(Open{TTL: time.Minute}).Session, "zero is no nonce")
}

func TestBoundedWaitRunsOut(t *testing.T) {
	s := tell(t)
	a, b, c := s.open(), s.open(), s.open()
	s.acquire(a, 1, Forever)
	s.acquire(b, 1, time.Second)
	s.acquire(c, 1, 2*time.Second)
	next, some := s.machine.NextWait()
	require.True(t, some)
	require.Equal(t, time.Second, next)
	s.later(time.Second - 1)
	s.do(Clock{})
	require.Empty(t, s.settled())
	s.later(1)
	s.index++
	s.machine.Advance(s.index, s.at, &s.applied)
	require.Equal(t, []string{"session 2: status 11, token 0"}, s.settled(), "an entry without a command carries time, too")
	require.Equal(t, TimedOut, s.acquire(b, 1, time.Second).Status)
	s.release(1)
	require.Equal(t, c, s.machine.Lock("lock").Session)
}

// The release comes in the very entry at which the wait is over.
func TestWaitThatIsOverIsNotGrantedByThatEntry(t *testing.T) {
	s := tell(t)
	a, b, c := s.open(), s.open(), s.open()
	s.acquire(a, 1, Forever)
	s.acquire(b, 1, time.Second)
	s.acquire(c, 1, Forever)
	s.later(time.Second)
	require.Equal(t, OK, s.release(1))
	require.Equal(t, []string{"session 2: status 11, token 0", "session 3: status 1, token 2"}, s.settled())
	require.Equal(t, Token(2), s.applied.Settled[0].Result.Current, "as of the whole entry")
}

func TestEntriesOutOfOrderPanic(t *testing.T) {
	s := tell(t)
	s.later(time.Second)
	s.open()
	clock := Oldest.Encode(nil, Clock{})
	require.Panics(t, func() { _ = s.machine.Apply(1, time.Second, clock, &s.applied) })
	require.Panics(t, func() { _ = s.machine.Apply(2, time.Second-1, clock, &s.applied) })
	require.Panics(t, func() { s.machine.Advance(0, time.Second, &s.applied) })
}

func TestUnknownCommandChangesNothing(t *testing.T) {
	s := tell(t)
	s.open()
	before := s.machine.Snapshot().Encode()
	err := s.machine.Apply(2, time.Hour, []byte{byte(Newest) + 1, 9}, &s.applied)
	require.ErrorIs(t, err, ErrVersion)
	require.ErrorContains(t, err, "entry 2")
	require.Equal(t, before, s.machine.Snapshot().Encode())
}

// Two replicas that were given different commands differ, even if every answer was the same.
func TestDigestTellsReplicasApart(t *testing.T) {
	digests := map[uint64]bool{}
	for _, command := range []Command{
		Acquire{Request: Request{Session: 1}, Name: "lock", Value: []byte("x")},
		Acquire{Request: Request{Session: 1}, Name: "lock", Value: []byte("y")},
		Acquire{Request: Request{Session: 1}, Name: "lock", Value: []byte("x\x00")},
		Clock{},
	} {
		for _, delay := range []time.Duration{0, 1} {
			s := tell(t)
			s.open()
			s.later(delay)
			s.do(command)
			digests[s.machine.Digest()] = true
		}
	}
	require.Len(t, digests, 8)
}
