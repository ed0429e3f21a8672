package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
)

// The leader dies while one Acquire waits and another's answer is on its way. Both are sent to the next endpoint under
// their old numbers, which say so, and follow its hint.
func TestFailover(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	s.step(Acquire{Handle: 2, Name: "b"})
	require.Len(t, s.sent(), 2)
	s.step(Disconnected{0})
	s.silent()
	s.pass(10 * ms)
	again := s.sent()
	require.Len(t, again, 2)
	s.acquires(again[0], 1, 0)
	for _, send := range again {
		require.Equal(t, Endpoint(1), send.Endpoint)
	}
	s.refuse(again[0], NotLeader, 2)
	hinted := s.sent()
	require.Len(t, hinted, 2, "what is in flight elsewhere goes along")
	s.acquires(hinted[0], 1, 0)
	require.Equal(t, Endpoint(2), hinted[0].Endpoint)
	s.refuse(again[1], NotLeader, 2)
	s.silent()
	s.answer(hinted[1], result(lockfsm.Busy))
	s.answer(hinted[0], grant(9))
	require.Equal(t, []Event{Refused{2, result(lockfsm.Busy)}, Granted{1, grant(9)}}, s.told())
}

// A wait has no timeout of its own while renewals through the same endpoint are answered.
func TestWaitIsLeftInPeace(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	acquire := s.only()
	for range 10 {
		s.pass(s.session.Deadline())
		renewal := s.only()
		s.renews(renewal)
		s.answer(renewal, result(lockfsm.OK))
	}
	s.answer(acquire, result(lockfsm.Waiting))
	require.Empty(t, s.told())
	s.answer(acquire, grant(5))
	require.Equal(t, []Event{Granted{1, grant(5)}}, s.told())
}

// When the endpoint falls silent, which a renewal notices, the wait goes on elsewhere under its number.
func TestWaitMovesOnWhenItsEndpointFallsSilent(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	s.sent()
	s.pass(2 * second)
	s.renews(s.only())
	s.pass(2*second + 510*ms)
	sends := s.sent()
	require.Len(t, sends, 2)
	s.acquires(sends[0], 1, 0)
	s.renews(sends[1])
	require.Equal(t, Endpoint(1), sends[0].Endpoint)
}

// The same when a renewal is told that the leader is another: the old one may have forgotten to say so to the wait.
func TestWaitFollowsTheLeader(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	s.sent()
	s.pass(2 * second)
	s.refuse(s.only(), NotLeader, 2)
	sends := s.sent()
	require.Len(t, sends, 2)
	require.Equal(t, Endpoint(2), sends[0].Endpoint)
	s.acquires(sends[0], 1, 0)
}

// Two servers that each take the other for the leader don't get the client's whole attention.
func TestHintsThatLeadInACircleAreSlowedDown(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a"})
	hops := 0
	for s.now < second {
		for sends := s.sent(); len(sends) > 0; sends = s.sent() {
			hops++
			require.Less(t, hops, 20)
			s.refuse(sends[0], NotLeader, 1-sends[0].Endpoint)
		}
		if s.now == 0 {
			require.Equal(t, 4, hops, "each endpoint's hint is followed at once")
		}
		s.pass(s.session.Deadline())
	}
	require.Greater(t, hops, 6)
}

// While nobody leads, the endpoints are asked in turn, with pauses that double with each round up to the longest.
func TestPausesGrowWhileNobodyLeads(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a"})
	asked := make([]int, 3)
	var last, pause = s.now, 0 * ms
	for s.now < 1500*ms {
		send := s.only()
		asked[send.Endpoint]++
		require.GreaterOrEqual(t, s.now-last, pause)
		last, pause = s.now, s.now-last
		s.refuse(send, NotLeader, Nowhere)
		s.pass(s.session.Deadline())
	}
	require.Equal(t, 250*ms, pause, "half of the longest, as this source draws")
	for _, times := range asked {
		require.GreaterOrEqual(t, times, 4)
	}
}

// A source that draws differently brings the clients back at different times.
func TestPausesAreDrawn(t *testing.T) {
	s := opened(t, 1)
	s.session.config.Random = dice(7)
	for range 100 {
		pause := s.session.pause(1)
		require.GreaterOrEqual(t, pause, 20*ms)
		require.Less(t, pause, 40*ms)
	}
	require.NotEqual(t, s.session.pause(5), s.session.pause(5))
}

func TestOverloadedIsTriedLater(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a", Wait: lockfsm.Forever})
	s.refuse(s.only(), Overloaded, Nowhere)
	s.silent()
	s.pass(9 * ms)
	s.silent()
	s.pass(10 * ms)
	again := s.only()
	require.Equal(t, Endpoint(0), again.Endpoint, "it still leads")
	s.acquires(again, 1, 0)
	s.refuse(again, DiskFull, Nowhere)
	s.pass(29 * ms)
	s.silent()
	s.pass(30 * ms)
	s.acquires(s.only(), 1, 0)
}

// A refusal that comes late says nothing about the sending that is in flight.
func TestLateRefusalOfAnEarlierSending(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a"})
	early := s.only()
	s.pass(600 * ms)
	latest := s.only()
	require.Equal(t, Endpoint(1), latest.Endpoint)
	s.refuse(early, NotLeader, 2)
	s.silent()
	s.refuse(early, Invalid, Nowhere)
	require.Empty(t, s.told())
	s.answer(latest, grant(5))
	require.Equal(t, []Event{Granted{1, grant(5)}}, s.told())
}

// Over a slow link the first request is repeated too soon. Its late answer teaches the session to wait for longer.
func TestSlowLinkTeachesPatience(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a"})
	early := s.only()
	s.pass(600 * ms)
	late := s.only()
	s.answer(early, grant(5))
	s.refuse(late, NotLeader, 0)
	s.step(Acquire{Handle: 2, Name: "a"})
	s.only()
	s.pass(600*ms + 700*ms)
	s.silent()
}

func TestInvalidIsDefiniteUnlessAnEarlierSendingIsInDoubt(t *testing.T) {
	s := opened(t, 3)
	s.step(Acquire{Handle: 1, Name: "a"})
	s.refuse(s.only(), NotLeader, 1)
	s.refuse(s.only(), Invalid, Nowhere)
	require.Equal(t, []Event{Rejected{1, &InvalidError{"because"}}}, s.told())

	s.step(Acquire{Handle: 2, Name: "a"})
	s.refuse(s.only(), FateUnknown, 2)
	s.refuse(s.only(), Invalid, Nowhere)
	require.Equal(t, []Event{Unknown{2}}, s.told())
}

func TestSingleEndpointIsAskedAgain(t *testing.T) {
	s := opened(t, 1)
	s.step(Acquire{Handle: 1, Name: "a"})
	s.refuse(s.only(), NotLeader, 0)
	s.silent()
	s.pass(10 * ms)
	require.Equal(t, Endpoint(0), s.only().Endpoint)
}
