package daemon

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/lockfsm"
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

// meetAll lets every two of them meet.
func meetAll(members ...*formation) {
	for i, a := range members {
		for _, b := range members[:i] {
			_, _ = meet(a, b)
		}
	}
}

// promise lets a member write down its promise, if it has chosen one.
func promise(members ...*formation) {
	for _, f := range members {
		select {
		case m := <-f.promising:
			f.promised(m)
		default:
		}
	}
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

func TestMembersThatAllPromisedTheSameFormTheSameCluster(t *testing.T) {
	a, b, c := trio()
	_, _ = meet(a, b)
	require.ErrorContains(t, a.pending(), "nothing was heard of the members 3")
	require.Empty(t, a.promising, "two of three are not all")
	_, _ = meet(a, c)
	_, _ = meet(b, c)
	require.Empty(t, a.hello(2).Membership, "a promise is told when it is on the disk")
	promise(a, b, c)
	require.Empty(t, a.founding, "nobody's promise was told yet")
	_, _ = meet(a, b)
	require.Empty(t, a.founding, "two of three are not all")
	require.ErrorContains(t, a.pending(), "waits for the promise of the members 3")
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

func TestAMemberAloneFormsAtOnce(t *testing.T) {
	f := newFormation(wal.Identity{Member: 1, Incarnation: 11}, raft.Membership{}, []raft.ID{1}, wire.Address{})
	promise(f)
	settle(t, f)
}

func TestAMemberJoinsTheClusterThatItPromised(t *testing.T) {
	a, b, c := trio()
	meetAll(a, b, c)
	promise(a, b, c)
	_, _ = meet(a, c)
	require.NoError(t, a.judge(b.hello(1)))
	first := settle(t, a)
	require.NoError(t, b.judge(a.hello(2)), "b has never heard what c promised")
	require.Equal(t, first, settle(t, b))
}

func TestAMemberDoesNotJoinAClusterThatItNeverPromised(t *testing.T) {
	a, _, _ := formedTrio(t)
	older := unformed(2, 22)
	require.ErrorContains(t, older.judge(a.hello(2)), "never agreed to it")
	require.Empty(t, older.founding)
}

// Member 2 was heard, and then is paused for so long that member 3 is another when it wakes up.
func TestWhatAMemberHeardBeforeALongPauseFoundsNothing(t *testing.T) {
	a, b, c := trio()
	_, _ = meet(a, b)
	_, _ = meet(a, c)
	promise(a, c)
	_, _ = meet(a, c)
	require.Empty(t, a.founding, "without the promise of b there is no cluster that could serve")

	replaced := unformed(3, 99)
	_, _ = meet(b, replaced)
	promise(b, replaced)
	_, _ = meet(b, replaced)
	meetAll(a, b, replaced)
	promise(a, b, replaced)
	meetAll(a, b, replaced)
	for _, f := range []*formation{a, b, replaced} {
		require.Empty(t, f.founding)
		require.ErrorContains(t, f.pending(), "If no member has formed a cluster", "member %d", f.identity.Member)
	}

	again := []*formation{unformed(1, 111), unformed(2, 122), unformed(3, 133)}
	meetAll(again...)
	promise(again...)
	meetAll(again...)
	for _, f := range again {
		settle(t, f)
	}
}

// One that promised nothing yet does not add a promise that can't come true: it need not be wiped.
func TestAMemberDoesNotPromiseAgainstAnother(t *testing.T) {
	a, b, c := trio()
	_, _ = meet(a, b)
	_, _ = meet(a, c)
	promise(a)
	replaced := unformed(3, 99)
	_, _ = meet(a, b)
	_, ofReplaced := meet(a, replaced)
	require.ErrorContains(t, ofReplaced, "member 3 lost its data directory")
	_, _ = meet(b, replaced)
	require.Empty(t, b.promising)
	require.ErrorContains(t, b.pending(), "member 1 has promised to found a cluster of 1:000000000000000b, 2:0000000000000016, 3:0000000000000021")

	a = unformed(1, 111)
	meetAll(a, b, replaced)
	promise(a, b, replaced)
	meetAll(a, b, replaced)
	require.Equal(t, settle(t, a), settle(t, b))
}

// Member 1 of the cluster p was given the address of member 2 of q.
func TestAWrongAddressDoesNotTearAClusterInTwo(t *testing.T) {
	q1, q2, q3 := trio()
	p1 := unformed(1, 91)
	meetAll(q1, q2)
	_, _ = meet(p1, q2)
	for range 2 {
		meetAll(q1, q2, q3)
		promise(q1, q2, q3)
		_, _ = meet(p1, q2)
		promise(p1)
	}
	require.Equal(t, settle(t, q1), settle(t, q3))
	settle(t, q2)
	require.Empty(t, p1.founding)

	q1, q2, q3 = trio()
	meetAll(q1, q2, q3)
	_, _ = meet(p1, q2)
	promise(q1, q3)
	_, _ = meet(q1, q3)
	require.Empty(t, q1.founding, "member 2 may have promised to be of another cluster")
}

// Member 1 alone has formed when the disk of member 3 is replaced.
func TestAPromiseIsKeptThoughAnotherMemberIsReplaced(t *testing.T) {
	a, b, c := trio()
	meetAll(a, b, c)
	promise(a, b, c)
	_, _ = meet(a, b)
	_, _ = meet(a, c)
	first := settle(t, a)

	replaced := unformed(3, 99)
	ofB, _ := meet(b, replaced)
	require.NoError(t, ofB)
	require.ErrorContains(t, b.judge(replaced.hello(2)), "member 3 lost its data directory")
	_, _ = meet(a, replaced)
	promise(replaced)
	require.Empty(t, replaced.founding)
	require.NoError(t, b.judge(a.hello(2)))
	require.Equal(t, first, settle(t, b), "two of three serve")
}

// formedTrio is a cluster at work.
func formedTrio(t *testing.T) (a, b, c *formation) {
	a, b, c = trio()
	meetAll(a, b, c)
	promise(a, b, c)
	meetAll(a, b, c)
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
	require.Empty(t, wiped.promising)
	require.Empty(t, wiped.founding)
}

func TestAForeignClusterIsRefused(t *testing.T) {
	a, _, _ := formedTrio(t)
	x, y, z := unformed(1, 41), unformed(2, 42), unformed(3, 43)
	meetAll(x, y, z)
	promise(x, y, z)
	meetAll(x, y, z)
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

// A member whose program can't read what the others write is refused by whichever side knows of it, and both logs say what to install.
func TestAMemberThatIsTooOldIsToldOnBothSides(t *testing.T) {
	a, b, c := trio()
	meetAll(a, b, c)
	promise(a, b, c)
	meetAll(a, b, c)
	for _, f := range []*formation{a, b, c} {
		settle(t, f)
	}
	a.rise(lockfsm.Newest)

	old := b.hello(1)
	old.Supports = lockfsm.Oldest
	require.ErrorContains(t, a.judge(old), "member 2 is too old for the cluster: version 2 is needed, and the program supports no more than version 1: install")

	later := a.hello(2)
	later.Version = supported + 1
	var version *lockfsm.VersionError
	require.ErrorAs(t, b.judge(later), &version)
	require.Equal(t, supported+1, version.Needed)

	ofA, ofB := meet(a, b)
	require.NoError(t, errors.Join(ofA, ofB))

	waits := unformed(2, 22)
	require.Error(t, waits.judge(later))
	require.ErrorContains(t, waits.pending(), "member 2 is too old for the cluster")
}
