package session

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/lockfsm"
)

// The lease is TTL·(1−ρ)/(1+ρ) rounded down, without overflow for TTLs of years.
func TestBelievableLease(t *testing.T) {
	require.Equal(t, 6*second, Config{Drift: Million / 4}.believable(10*second))
	require.Equal(t, 9_980_019_980*time.Nanosecond, Config{Drift: 1000}.believable(10*second))
	rapid.Check(t, func(t *rapid.T) {
		drift := rapid.Int64Range(1, Million/2).Draw(t, "drift")
		ttl := rapid.Int64Range(1, int64(100_000*time.Hour)).Draw(t, "ttl")
		exact := new(big.Int).Mul(big.NewInt(ttl), big.NewInt(Million-drift))
		exact.Quo(exact, big.NewInt(Million+drift))
		require.Equal(t, exact.Int64(), int64(Config{Drift: drift}.believable(time.Duration(ttl))))
	})
}

func TestRenewalKeepsTheSession(t *testing.T) {
	s := holding(t, 3)
	s.pass(2*second - 1)
	s.silent()
	s.pass(2 * second)
	first := s.only()
	s.renews(first)
	s.pass(2*second + 100*ms)
	s.answer(first, result(lockfsm.OK))
	require.Equal(t, 8*second, s.session.Until())
	s.pass(4 * second)
	s.renews(s.only())
	require.Empty(t, s.told())
}

// The servers may have carried out the first sending of a renewal, whose answer was lost; what the
// answer to the second says about the lease is no more than that.
func TestRepeatedRenewalCountsFromTheFirstSending(t *testing.T) {
	s := holding(t, 1)
	s.pass(2 * second)
	s.renews(s.only())
	s.pass(2*second + 500*ms + 10*ms)
	second1 := s.only()
	s.renews(second1)
	s.pass(3*second + 400*ms)
	third := s.only()
	s.renews(third)
	s.answer(third, result(lockfsm.OK))
	require.Equal(t, 2*second+storyLease, s.session.Until())
	s.answer(second1, result(lockfsm.OK))
	require.Equal(t, 2*second+storyLease, s.session.Until(), "a duplicate adds nothing")
}

// An answer that was held up on its way says nothing about the time after the sending.
func TestLateAnswerCountsFromTheSending(t *testing.T) {
	s := holding(t, 1)
	s.pass(2 * second)
	renewal := s.only()
	s.stop(5 * second)
	s.answer(renewal, result(lockfsm.OK))
	require.Equal(t, 2*second+storyLease, s.session.Until())
}

// An answer to an earlier sending is as good as one to the latest, or a session whose answers take longer than its patience
// would never hear one.
func TestAnswerToAnEarlierSendingCounts(t *testing.T) {
	s := holding(t, 1)
	s.pass(2 * second)
	early := s.only()
	s.pass(2*second + 600*ms)
	s.renews(s.only())
	s.answer(early, result(lockfsm.OK))
	require.Equal(t, 2*second+storyLease, s.session.Until())
}

// A renewal that was refused did nothing, so the next counts from its own sending. The refused one's number
// is dead: an answer to it doesn't count as an answer to the new one.
func TestRefusedRenewalIsFollowedByANewOne(t *testing.T) {
	s := holding(t, 3)
	s.pass(2 * second)
	refused := s.only()
	s.stop(3 * second)
	s.refuse(refused, NotLeader, 1)
	fresh := s.only()
	require.Equal(t, Endpoint(1), fresh.Endpoint)
	s.answer(refused, result(lockfsm.OK))
	require.Equal(t, storyLease, s.session.Until())
	s.answer(fresh, result(lockfsm.OK))
	require.Equal(t, 3*second+storyLease, s.session.Until())
}

// A leader that is slow is given up for another server, which refuses and names it again. The answer to the first sending
// comes late, and still counts: a renewal begun afresh with each refusal would never be acknowledged.
func TestRefusalOfARepeatedRenewalKeepsIt(t *testing.T) {
	s := holding(t, 3)
	s.pass(2 * second)
	slow := s.only()
	s.pass(2*second + 600*ms)
	repeated := s.only()
	require.NotEqual(t, slow.Endpoint, repeated.Endpoint)
	s.refuse(repeated, NotLeader, slow.Endpoint)
	s.renews(s.only())
	s.answer(slow, result(lockfsm.OK))
	require.Equal(t, 2*second+storyLease, s.session.Until())
}

// Where the fate of a renewal is not known, the next sending is the same renewal.
func TestRenewalOfUnknownFateIsRepeated(t *testing.T) {
	s := holding(t, 3)
	s.pass(2 * second)
	unknown := s.only()
	s.stop(3 * second)
	s.refuse(unknown, FateUnknown, 1)
	s.answer(s.only(), result(lockfsm.OK))
	require.Equal(t, 2*second+storyLease, s.session.Until())
}

func TestOnlyOneRenewalIsOutstanding(t *testing.T) {
	s := holding(t, 1)
	s.pass(5 * second)
	numbers := map[uint64]bool{}
	for _, send := range s.sent() {
		s.renews(send)
		numbers[uint64(send.Correlation)>>attemptBits] = true
	}
	require.Len(t, numbers, 1)
}

func TestJeopardyComesAndGoes(t *testing.T) {
	s := holding(t, 1)
	s.pass(2 * second)
	s.sent()
	s.pass(4*second - 1)
	require.Empty(t, s.told())
	s.pass(4 * second)
	require.Equal(t, []Event{Changed{Jeopardy}}, s.told())
	require.True(t, s.held())
	sends := s.sent()
	s.answer(sends[len(sends)-1], result(lockfsm.OK))
	require.Equal(t, []Event{Changed{Safe}}, s.told())
	require.Equal(t, 8*second, s.session.Until())
}

// The deadline brings the driver back at the very moments at which an application must be told.
func TestDeadlineNamesJeopardyAndTheEnd(t *testing.T) {
	s := holding(t, 1)
	var told []time.Duration
	for s.session.Deadline() <= storyLease {
		s.now = s.session.Deadline()
		s.step(Timeout{})
		if len(s.told()) > 0 {
			told = append(told, s.now)
		}
	}
	require.Equal(t, []time.Duration{4 * second, 6 * second}, told)
}

// A process that is stopped past its lease and then goes on gets the right answer from its first look, while nothing
// has been stepped yet; and an acknowledgement that waited in its socket doesn't change that.
func TestStoppedProcessFindsOutAtItsFirstLook(t *testing.T) {
	s := holding(t, 1)
	s.pass(2 * second)
	renewal := s.only()
	s.stop(storyLease - 1)
	require.True(t, s.held())
	s.stop(storyLease)
	require.False(t, s.held())
	s.stop(storyLease + second)
	require.False(t, s.held())

	s.answer(renewal, result(lockfsm.OK))
	require.False(t, s.held())
	require.Equal(t, []Event{Changed{Gone}, Lost{1}}, s.told())
	require.Equal(t, Gone, s.session.State())
	require.Zero(t, s.session.Until())
}

// Lost is final: there is one best effort to close, no renewal, and no answer brings anything back.
func TestLostIsFinal(t *testing.T) {
	s := holding(t, 1)
	s.pass(2 * second)
	renewal := s.only()
	s.pass(storyLease)
	s.sent()
	s.told()
	s.answer(renewal, result(lockfsm.OK))
	s.step(Acquire{Handle: 2, Name: "a"})
	require.Equal(t, []Event{Rejected{2, ErrLost}}, s.told())
	s.pass(time.Hour)
	sends := s.sent()
	require.NotEmpty(t, sends)
	for _, send := range sends {
		require.Equal(t, lockfsm.Close{Session: 1}, send.Command)
	}
	require.Equal(t, []Event{Ended{}}, s.told())
	require.Equal(t, Never, s.session.Deadline())
}

func TestUnknownSessionIsLostAtOnce(t *testing.T) {
	s := holding(t, 1)
	s.pass(2 * second)
	s.answer(s.only(), result(lockfsm.UnknownSession))
	require.False(t, s.held())
	require.Equal(t, []Event{Changed{Gone}, Lost{1}, Ended{}}, s.told())
	s.step(Answer{Result: result(lockfsm.UnknownSession)})
	s.step(Acquire{Handle: 2, Name: "a"})
	require.Equal(t, []Event{Rejected{2, ErrLost}}, s.told())
	s.pass(time.Hour)
	s.silent()
}

// A grant that waited in the socket while the lease ran out is no grant.
func TestGrantAfterTheLeaseIsNotReported(t *testing.T) {
	s := opened(t, 1)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	acquire := s.only()
	s.stop(storyLease)
	s.answer(acquire, grant(5))
	require.Equal(t, []Event{Changed{Gone}, Unknown{1}}, s.told())
	require.False(t, s.held())
}

// The Open that took longer than a lease: nothing is known about what is left of it, so a renewal comes before any use.
func TestLateOpenIsRenewedBeforeUse(t *testing.T) {
	s := begin(t, 1)
	open := s.only()
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	s.stop(7 * second)
	s.answer(open, lockfsm.Result{Status: lockfsm.OK, Session: 1, TTL: storyTTL})
	require.Empty(t, s.told())
	renewal := s.only()
	s.renews(renewal)
	s.answer(renewal, result(lockfsm.OK))
	require.Equal(t, []Event{Changed{Safe}}, s.told())
	require.Equal(t, 7*second+storyLease, s.session.Until())
	s.acquires(s.only(), 1, 0)
}

// The same nonce finds the session of the first Open again, so the second Open's answer counts from the first.
func TestRepeatedOpenCountsFromTheFirstSending(t *testing.T) {
	s := begin(t, 1)
	s.sent()
	s.pass(600 * ms)
	open := s.only()
	require.Equal(t, lockfsm.Open{Nonce: 7, TTL: storyTTL}, open.Command)
	s.answer(open, lockfsm.Result{Status: lockfsm.OK, Session: 1, TTL: storyTTL})
	require.Equal(t, storyLease, s.session.Until())
}

// The servers may grant another TTL than was asked for.
func TestGrantedTTLCounts(t *testing.T) {
	s := begin(t, 1)
	s.answer(s.only(), lockfsm.Result{Status: lockfsm.OK, Session: 1, TTL: 2 * storyTTL})
	require.Equal(t, 2*storyLease, s.session.Until())
}

func TestRefusedOpenEndsTheSession(t *testing.T) {
	s := begin(t, 1)
	s.step(Acquire{Handle: 1, Name: "a"})
	s.answer(s.only(), lockfsm.Result{Status: lockfsm.InvalidTTL})
	require.Equal(t, []Event{
		NotOpened{&StatusError{lockfsm.InvalidTTL}}, Changed{Gone}, Rejected{1, ErrLost}, Ended{},
	}, s.told())
}

func TestClockNeverGoesBack(t *testing.T) {
	s := opened(t, 1)
	s.pass(1 * second)
	s.step(Timeout{})
	s.now--
	require.Panics(t, func() { s.step(Timeout{}) })
}
