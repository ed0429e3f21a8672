package raft

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A member tells its leader with each answer which version of what the log holds its program can read.
func TestAnAnswerSaysWhichVersionItsSenderSupports(t *testing.T) {
	s := newSolo(t, withLog(3), func(c *Config) { c.Version = 7 })
	s.hear(2, &Append{Term: 2, PrevIndex: 1, PrevTerm: 1})
	require.Equal(t, uint8(7), one[*Appended](t, s.saved(), 2).Version, "when its term is durable")
}

// What a program said before it was replaced by an older one may arrive late, or twice. It does not count any more.
func TestTheWordOfAnEarlierProgramDoesNotCount(t *testing.T) {
	s := newSolo(t, withLog(3))
	s.takeLead()
	told := func() (version uint8, round uint64) {
		f := s.Followers()[0]
		return f.Version, f.Told
	}
	version, _ := told()
	require.Zero(t, version, "it has not said anything")

	round := s.Ask()
	s.drain()
	s.hear(2, &Appended{Term: s.Term(), Round: round, Match: 2, Version: 2})
	version, answered := told()
	require.Equal(t, uint8(2), version)
	require.Equal(t, round, answered)

	next := s.Ask()
	require.Greater(t, next, round)
	s.drain()
	s.hear(2, &Appended{Term: s.Term(), Round: next, Match: 2, Version: 1})
	s.hear(2, &Appended{Term: s.Term(), Round: round, Match: 2, Version: 2})
	version, answered = told()
	require.Equal(t, uint8(1), version)
	require.Equal(t, next, answered)
}

// Only a leader asks.
func TestAFollowerAsksNobody(t *testing.T) {
	require.Zero(t, newSolo(t, withLog(3)).Ask())
}
