package raft

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMembershipRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m Membership
		id := ID(0)
		for range rapid.IntRange(0, 9).Draw(t, "size") {
			id += ID(rapid.Uint64Range(1, 1<<60).Draw(t, "gap"))
			m.Members = append(m.Members, Member{ID: id, Incarnation: rapid.Uint64().Draw(t, "incarnation")})
		}
		got, err := DecodeMembership(AppendMembership([]byte{}, m))
		require.NoError(t, err)
		require.Equal(t, m, got)
	})
}

func TestMembershipRefusesWhatIsNone(t *testing.T) {
	encoded := func(ids ...ID) []byte {
		var m Membership
		for _, id := range ids {
			m.Members = append(m.Members, Member{ID: id, Incarnation: 1})
		}
		return AppendMembership(nil, m)
	}
	for name, data := range map[string][]byte{
		"truncated":    encoded(1, 2)[:31],
		"one byte":     {1},
		"nobody":       encoded(0, 1),
		"out of order": encoded(2, 1),
		"twice":        encoded(1, 1),
	} {
		_, err := DecodeMembership(data)
		require.Error(t, err, name)
	}
}

// Whatever can be decoded is encoded again to the same bytes.
func FuzzDecodeMembership(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendMembership(nil, foundation(5).Snapshot.Membership))
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
