package raft

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A window halves once for a round trip that was late, however many answers say so, and never below its floor; it doubles with a round
// trip that was in time, as long as it is what holds the leader back, and never above its ceiling.
func TestWindowFollowsTheAnswers(t *testing.T) {
	c := testConfig(1, 1)
	c.MinInflightBytes, c.MaxInflightBytes, c.MaxInflight = 100, 1000, 100
	f := newFlow(&c)
	trip := func(at, took time.Duration, bytes, answers int) int {
		for i := range answers {
			f.departed(Index(i+1), bytes/answers, at)
		}
		for i := range answers {
			f.arrived(Index(i+1), at+took, &c)
		}
		require.Zero(t, f.bytes)
		require.Empty(t, f.inflight)
		return f.window
	}
	prompt, late := time.Millisecond, time.Millisecond+c.Heartbeat+1
	require.Equal(t, 100, trip(0, prompt, 40, 1), "not filled by half")
	require.Equal(t, 200, trip(time.Second, prompt, 100, 1))
	require.Equal(t, 300, trip(2*time.Second, prompt, 100, 1), "filled by half")
	require.Equal(t, 1000, trip(3*time.Second, prompt, 3000, 2))
	require.Equal(t, 500, trip(4*time.Second, late, 1000, 4), "once for four late answers")
	require.Equal(t, 250, trip(5*time.Second, late, 40, 4), "whether it was filled or not")
	f.eased = 6*time.Second + 1
	require.Equal(t, 250, trip(6*time.Second, late, 40, 4), "that was sent when the window was wider")
	require.Equal(t, 125, trip(7*time.Second, late, 40, 4))
	require.Equal(t, 100, trip(8*time.Second, late, 40, 4))
	require.Equal(t, 200, trip(9*time.Second, late-1, 100, 1))
}

// pipe is a link to a follower on which bytes take their time one after the other.
type pipe struct {
	leader  *solo
	rate    time.Duration // for a byte
	free    time.Duration // when what was sent so far is through
	transit []arrival
	heard   time.Duration // when the follower heard the leader last
	silence time.Duration // the longest time that it did not
	match   Index
}

type arrival struct {
	at    time.Duration
	match Index // up to where the follower's log reaches then
}

func (p *pipe) send(envelopes []Envelope) {
	for _, m := range only[*Append](envelopes, 2) {
		p.free = max(p.free, p.leader.clock) + time.Duration(50+dataBytes(m.Entries))*p.rate
		p.transit = append(p.transit, arrival{p.free, m.PrevIndex + Index(len(m.Entries))})
	}
}

// fill lets the follower get all entries up to an index, while a third member answers at once.
func (p *pipe) fill(last Index) time.Duration {
	began := p.leader.clock
	for p.match < last {
		if len(p.transit) == 0 || p.leader.Deadline() < p.transit[0].at {
			p.send(p.leader.wait(max(0, p.leader.Deadline()-p.leader.clock)))
			p.send(p.leader.appended(3, last))
			continue
		}
		first := p.transit[0]
		p.transit = p.transit[1:]
		p.silence = max(p.silence, first.at-p.heard)
		p.leader.clock, p.heard, p.match = first.at, first.at, max(p.match, first.match)
		p.send(p.leader.appended(2, p.match))
	}
	return p.leader.clock - began
}

// A follower that is four megabytes behind a link which carries one in a second hears its leader all the time, and gets them about as fast as
// the link carries them. With all of it in flight at once it would hear no heartbeat for seconds.
func TestSlowLinkIsNotFilled(t *testing.T) {
	for _, floor := range []int{8 << 10, 8 << 20} {
		s := newSolo(t, foundation(3), func(c *Config) {
			c.MaxAppendBytes, c.MaxInflight, c.MaxInflightBytes, c.MinInflightBytes, c.MaxUncommittedBytes = 1<<20, 10_000, 8<<20, floor, 16<<20
		})
		s.takeLead()
		s.appended(3, 2)
		for range 4096 {
			_, err := s.Propose(s.clock, make([]byte, 1<<10))
			require.NoError(t, err)
		}
		s.drain()
		s.saved()
		p := &pipe{leader: s, rate: time.Microsecond, heard: s.clock, match: 1}
		p.send(s.appended(2, 2))
		took := p.fill(s.log.last())
		if floor == 8<<20 {
			require.Greater(t, p.silence, testTimeout, "or this test shows nothing")
			continue
		}
		require.Less(t, p.silence, testTimeout)
		require.Less(t, took, 5*time.Second)
	}
}

// A connection that broke is one of which nothing is known.
func TestWindowBeginsAnewWithTheConnection(t *testing.T) {
	s := newSolo(t, foundation(3), func(c *Config) { c.MinInflightBytes = 10 })
	s.takeLead()
	s.appended(2, 2)
	s.propose("twelve bytes")
	s.appended(2, 3)
	require.Equal(t, 22, s.lead.peer(2).flow.window)
	s.step(Unreachable{2})
	require.Equal(t, 10, s.lead.peer(2).flow.window)
}

// A follower whose disk stands still answers that its log goes no farther, and what it lacks overflows its queue again and again. It is sent all that once in a
// heartbeat, and not as often as it answers.
func TestALossAfterTheOtherIsNoFlood(t *testing.T) {
	s := newSolo(t, foundation(3))
	s.takeLead()
	s.appended(2, 2)
	s.propose("a")
	require.Len(t, one[*Append](t, s.step(Unreachable{2}), 2).Entries, 1, "the first time at once")
	s.appended(2, 3)
	s.propose("b")
	s.saved()
	floods := 0
	for range 100 {
		s.clock += s.config.Heartbeat / 50
		for _, m := range only[*Append](append(s.step(Unreachable{2}), s.appended(2, 3)...), 2) {
			floods += len(m.Entries)
		}
	}
	require.Less(t, floods, 6, "in two heartbeats")
	s.wait(2 * s.config.Heartbeat)
	s.appended(2, 4)
	require.Len(t, one[*Append](t, s.propose("c"), 2).Entries, 1, "and then as ever")
}
