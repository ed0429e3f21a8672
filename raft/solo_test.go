package raft

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// solo is member 1 without the others: a test says what it hears from them, and sees what it does.
type solo struct {
	*Node
	t       testing.TB
	clock   time.Duration
	durable Stored
	writing []Record
	commits []Entry
	output  Output
}

func newSolo(t testing.TB, stored Stored, tune ...func(*Config)) *solo {
	config := testConfig(1, 1)
	for _, change := range tune {
		change(&config)
	}
	return &solo{Node: New(config, stored, 0), t: t, durable: stored}
}

// withLog is a member of a cluster whose log holds entries of these terms behind the founding snapshot.
func withLog(size int, terms ...Term) Stored {
	stored := foundation(size)
	stored.Entries = entriesOf(2, terms...)
	if len(terms) > 0 {
		stored.Term = terms[len(terms)-1]
	}
	return stored
}

// drain returns the messages that leave.
func (s *solo) drain() []Envelope {
	s.Check()
	s.Drain(&s.output)
	if s.output.Record.Sequence != 0 {
		s.writing = append(s.writing, s.output.Record)
	}
	s.commits = append(s.commits, s.output.Commit...)
	return append([]Envelope(nil), s.output.Send...)
}

func (s *solo) step(input Input) []Envelope {
	s.Step(s.clock, input)
	return s.drain()
}

func (s *solo) hear(from ID, m Message) []Envelope {
	return s.step(Receive{Envelope{From: from, To: 1, Incarnation: uint64(from), Message: m}})
}

// saved lets the disk finish everything.
func (s *solo) saved() []Envelope {
	var sent []Envelope
	for len(s.writing) > 0 {
		r := s.writing[0]
		s.durable.store(r)
		s.writing = s.writing[1:]
		sent = append(sent, s.step(Persisted{r.Sequence})...)
	}
	return sent
}

// powerLoss restarts the member from what is durable.
func (s *solo) powerLoss() {
	config := s.config
	config.Random = rand.NewPCG(7, 7)
	s.Node, s.writing, s.commits = New(config, s.durable, s.clock), nil, nil
}

// rested lets the time pass in which a member that was restarted votes for nobody (lease.go).
func (s *solo) rested() *solo {
	s.clock += testTimeout
	return s
}

// wait lets time pass, and the timeout come if it is due.
func (s *solo) wait(span time.Duration) []Envelope {
	s.clock += span
	return s.step(Timeout{})
}

// poll waits until the member loses patience.
func (s *solo) poll() []Envelope {
	return s.wait(max(0, s.Deadline()-s.clock))
}

// campaign makes it a candidate, with its own vote on disk.
func (s *solo) campaign() []Envelope {
	s.poll()
	for id := ID(2); s.Role() == PreCandidate; id++ {
		s.hear(id, &PreVoteReply{Term: s.Term(), Attempt: s.attempt, Granted: true})
	}
	require.Equal(s.t, Candidate, s.Role())
	return s.saved()
}

// takeLead makes it a leader, with the empty entry on its disk. What it then sends is returned.
func (s *solo) takeLead() []Envelope {
	s.campaign()
	var sent []Envelope
	for id := ID(2); s.Role() == Candidate; id++ {
		sent = s.hear(id, &VoteReply{Term: s.Term(), Granted: true})
	}
	require.Equal(s.t, Leader, s.Role())
	s.saved()
	return sent
}

func (s *solo) propose(data string) []Envelope {
	_, err := s.Propose(s.clock, []byte(data))
	require.NoError(s.t, err)
	return s.drain()
}

func (s *solo) read(id uint64) []Envelope {
	require.NoError(s.t, s.Read(s.clock, id, ByRound))
	return s.drain()
}

// appended is a follower's answer in the leader's term.
func (s *solo) appended(from ID, match Index) []Envelope {
	return s.hear(from, &Appended{Term: s.Term(), Match: match})
}

func (s *solo) committed() Index { return s.Status().Commit }

// only picks out the messages of a type to one member.
func only[M Message](sent []Envelope, to ID) []M {
	var found []M
	for _, e := range sent {
		if m, ok := e.Message.(M); ok && e.To == to {
			found = append(found, m)
		}
	}
	return found
}

// one is the only message of a type to a member.
func one[M Message](t testing.TB, sent []Envelope, to ID) M {
	t.Helper()
	found := only[M](sent, to)
	require.Len(t, found, 1, "among %v", sent)
	return found[0]
}
