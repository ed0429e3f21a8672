package raft

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawMembership draws any membership at all.
func drawMembership(t *rapid.T) Membership {
	m := *drawVoters(t)
	for _, list := range m.lists() {
		for i := range *list {
			member := &(*list)[i]
			member.ID <<= 55
			member.Incarnation = uint64(member.ID) + 7
			if rapid.Bool().Draw(t, "told") {
				member.Address = "node.example:7401"
			}
		}
	}
	for i := range m.Former { // one node is one node
		if at := position(m.Members, m.Former[i].ID); at >= 0 {
			m.Former[i] = m.Members[at]
		}
	}
	return m
}

func TestMembershipRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMembership(t)
		encoded := AppendMembership([]byte{}, m)
		got, err := DecodeMembership(encoded)
		require.NoError(t, err)
		require.Equal(t, encoded, AppendMembership([]byte{}, got))
		for i, list := range m.lists() {
			require.True(t, slices.Equal(*list, *got.lists()[i]))
		}
	})
}

// The membership of every cluster that was formed before there were changes stands in its log and snapshots so.
func TestPlainMembershipKeepsItsFormat(t *testing.T) {
	old := []byte{1, 0, 0, 0, 0, 0, 0, 0, 0xA, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xB, 0, 0, 0, 0, 0, 0, 0}
	m := Membership{Members: []Member{{ID: 1, Incarnation: 0xA}, {ID: 2, Incarnation: 0xB}}}
	require.Equal(t, old, AppendMembership(nil, m))
	got, err := DecodeMembership(old)
	require.NoError(t, err)
	require.Equal(t, m, got)
}

func TestMembershipRefusesWhatIsNone(t *testing.T) {
	encoded := func(ids ...ID) []byte { return AppendMembership(nil, Membership{Members: membersOf(ids...)}) }
	full := AppendMembership(nil, Membership{Members: membersOf(1, 2), Former: membersOf(1), Learners: membersOf(3)})
	_, err := DecodeMembership(full)
	require.NoError(t, err)
	newer := slices.Clone(full)
	newer[8] = 2
	plainInFull := slices.Concat(make([]byte, 8), []byte{1, 1, 0, 0, 0}, encoded(1), []byte{0, 0}, make([]byte, 8))
	for name, data := range map[string][]byte{
		"truncated":                 encoded(1, 2)[:31],
		"one byte":                  {1},
		"nobody":                    encoded(0, 1),
		"out of order":              encoded(2, 1),
		"twice":                     encoded(1, 1),
		"truncated full":            full[:len(full)-1],
		"more than full":            append(slices.Clone(full), 0),
		"a newer format":            newer,
		"a longer way to say it":    plainInFull,
		"a learner that votes":      AppendMembership(nil, Membership{Members: membersOf(1), Learners: membersOf(1)}),
		"learners alone":            AppendMembership(nil, Membership{Learners: membersOf(1)}),
		"two nodes under one ID":    AppendMembership(nil, Membership{Members: membersOf(1), Former: []Member{{ID: 1, Incarnation: 9}}}),
		"more than there are bytes": binary.LittleEndian.AppendUint32(append(make([]byte, 8), 1), 1<<31),
	} {
		_, err := DecodeMembership(data)
		require.Error(t, err, name)
	}
}

// Whatever can be decoded is encoded again to the same bytes.
func FuzzDecodeMembership(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendMembership(nil, foundation(5).Snapshot.Membership))
	f.Add(AppendMembership(nil, Membership{Members: membersOf(1, 2), Former: membersOf(1), Learners: []Member{{ID: 3, Address: "c:1"}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeMembership(data)
		if err == nil {
			require.Equal(t, data, AppendMembership([]byte{}, m))
		}
	})
}

// IDs are minted anywhere in their range.
func TestMembersWithHugeIDs(t *testing.T) {
	stored := foundation(1)
	stored.Snapshot.Membership.Members = append(stored.Snapshot.Membership.Members, Member{ID: 1<<64 - 1})
	New(testConfig(1, 1), stored, 0).Check()
}
