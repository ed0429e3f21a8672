package daemon

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/wal"
	"lockd/wire"
)

var three = []raft.ID{1, 2, 3}

// unformed is a member with a fresh directory, of that incarnation.
func unformed(id raft.ID, incarnation uint64) *formation {
	return newFormation(wal.Identity{Member: id, Incarnation: incarnation}, raft.Membership{}, three, wire.Address{})
}

// meet lets two members judge each other, as a handshake does.
func meet(a, b *formation) (ofA, ofB error) {
	fromA, fromB := a.hello(b.identity.Member), b.hello(a.identity.Member)
	return b.judge(fromA), a.judge(fromB)
}

// settle makes the member formed if it has found its cluster.
func settle(t *testing.T, f *formation) founding {
	select {
	case c := <-f.founding:
		f.formed(c)
		return c
	default:
		t.Fatalf("member %d did not form: %v", f.identity.Member, f.pending())
		return founding{}
	}
}

func trio() (a, b, c *formation) { return unformed(1, 11), unformed(2, 22), unformed(3, 33) }

func TestMembersThatHeardAllOthersFormTheSameCluster(t *testing.T) {
	a, b, c := trio()
	_, _ = meet(a, b)
	require.ErrorContains(t, a.pending(), "nothing was heard of the members 3")
	require.Empty(t, a.founding, "two of three are not all")
	_, _ = meet(a, c)
	_, _ = meet(b, c)
	first := settle(t, a)
	require.Equal(t, first, settle(t, b))
	require.Equal(t, first, settle(t, c))
	require.NoError(t, a.pending())
	require.Equal(t, []raft.Member{{ID: 1, Incarnation: 11}, {ID: 2, Incarnation: 22}, {ID: 3, Incarnation: 33}}, first.membership.Members)
	ofA, ofB := meet(a, b)
	require.NoError(t, ofA)
	require.NoError(t, ofB)
}

func TestAMemberFormsAfterOneThatKnowsIt(t *testing.T) {
	a, b, c := trio()
	_, _ = meet(a, b)
	_, _ = meet(a, c)
	first := settle(t, a)
	ofA, ofB := meet(a, b) // b has never heard of c
	require.NoError(t, ofA)
	require.NoError(t, ofB)
	require.Equal(t, first, settle(t, b))
}

// formedTrio is a cluster at work.
func formedTrio(t *testing.T) (a, b, c *formation) {
	a, b, c = trio()
	_, _ = meet(a, b)
	_, _ = meet(a, c)
	_, _ = meet(b, c)
	settle(t, a)
	settle(t, b)
	settle(t, c)
	return a, b, c
}

func TestAWipedMemberIsToldOnBothSides(t *testing.T) {
	a, _, _ := formedTrio(t)
	wiped := unformed(2, 99)
	ofA, ofWiped := meet(a, wiped)
	require.ErrorContains(t, ofWiped, "member 2 lost its data directory")
	require.ErrorContains(t, ofA, "member 2 lost its data directory")
	require.ErrorContains(t, wiped.pending(), "is not the member that promised")
}

func TestAWipedMemberCannotFormAClusterWithOthersThatStillHaveTheirs(t *testing.T) {
	a, _, c := formedTrio(t)
	wiped := unformed(2, 99)
	_, _ = meet(a, wiped)
	_, _ = meet(c, wiped)
	require.Empty(t, wiped.founding)
}

func TestAForeignClusterIsRefused(t *testing.T) {
	a, _, _ := formedTrio(t)
	x, y, z := unformed(1, 41), unformed(2, 42), unformed(3, 43)
	_, _ = meet(x, y)
	_, _ = meet(y, z)
	settle(t, y)
	ofA, ofY := meet(a, y)
	require.ErrorContains(t, ofA, "belongs to another cluster")
	require.ErrorContains(t, ofY, "belongs to another cluster")
}

func TestNamesAreChecked(t *testing.T) {
	a, _, _ := formedTrio(t)
	for cause, hello := range map[string]wire.Hello{
		"this is member 1, not member 3": {From: 2, To: 3},
		"two nodes run as member 1":      {From: 1, To: 1},
		"member 9 is unknown":            {From: 9, To: 1},
	} {
		require.ErrorContains(t, a.judge(hello), cause)
	}
}

func TestAMemberOfOtherConfigurationDoesNotAdoptACluster(t *testing.T) {
	a, _, _ := formedTrio(t)
	fourth := newFormation(wal.Identity{Member: 2, Incarnation: 22}, raft.Membership{}, []raft.ID{1, 2, 3, 4}, wire.Address{})
	require.ErrorContains(t, fourth.judge(a.hello(2)), "is configured with 1, 2, 3, 4")
	require.Empty(t, fourth.founding)
}

func TestAddressesAreLearntFromThoseWhoAreWelcome(t *testing.T) {
	a, b, _ := formedTrio(t)
	hello := b.hello(1)
	hello.Client, hello.HTTP = "two:7400", "two:7402"
	require.NoError(t, a.judge(hello))
	require.Equal(t, wire.Address{Client: "two:7400", HTTP: "two:7402"}, a.address(2))
	hello.Incarnation, hello.Client = 99, "evil:7400"
	require.Error(t, a.judge(hello))
	require.Equal(t, "two:7400", a.address(2).Client)
}
