package lockfsm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A cluster begins in the oldest version, rises by an entry, and never falls again.
func TestTheVersionInForceOnlyRises(t *testing.T) {
	s := tell(t)
	require.Equal(t, Oldest, s.machine.Version())
	require.Equal(t, OK, s.do(Upgrade{To: Newest}).Status)
	require.Equal(t, Newest, s.machine.Version())
	s.do(Upgrade{To: Oldest}) // of a leader that had not applied the first yet
	require.Equal(t, Newest, s.machine.Version())
}

// What a later version needs is not written before its upgrade, and what an older one needs may still come behind it.
func TestNoCommandIsOfALaterVersionThanIsInForce(t *testing.T) {
	s := tell(t)
	early := compact.Encode(nil, Clock{})
	require.ErrorContains(t, s.machine.Apply(1, 0, early, &s.applied), "entry 1 is a command of version 2, and version 1 is in force")
	s.do(Upgrade{To: compact})
	require.NoError(t, s.machine.Apply(2, 0, early, &s.applied))
	require.NoError(t, s.machine.Apply(3, 0, first.Encode(nil, Clock{}), &s.applied))
}

// A replica that restarts from a snapshot behind the upgrade must not write in the old version, nor think that it may be downgraded.
func TestASnapshotHasTheVersionInForce(t *testing.T) {
	s := busy(t)
	require.Equal(t, Oldest, SnapshotNeeds(s.machine.Snapshot().Encode()))
	s.do(Upgrade{To: Newest})
	data := s.machine.Snapshot().Encode()
	require.Equal(t, Newest, SnapshotNeeds(data))
	restored, err := Restore(data)
	require.NoError(t, err)
	require.Equal(t, Newest, restored.Version())
	require.Equal(t, Oldest, SnapshotNeeds(nil), "of the snapshot that forms a cluster")
}

// Without the version two machines are of the same digest only as long as it makes no difference.
func TestTheDigestTellsTheVersion(t *testing.T) {
	s := tell(t)
	s.do(Upgrade{To: Newest})
	other, err := Restore(s.machine.Snapshot().Encode())
	require.NoError(t, err)
	other.version = Oldest
	require.NoError(t, other.Apply(2, 0, first.Encode(nil, Clock{}), &s.applied))
	require.NoError(t, s.machine.Apply(2, 0, first.Encode(nil, Clock{}), &s.applied))
	require.NotEqual(t, s.machine.Digest(), other.Digest())
}

// Whoever is too old for what an Upgrade leads to must not have the Upgrade itself: it says what it needs in any version.
func TestWhatACommandNeeds(t *testing.T) {
	for version := Oldest; version <= Newest; version++ {
		require.Equal(t, version, CommandNeeds(version.Encode(nil, Clock{})))
		require.Equal(t, Newest, CommandNeeds(version.Encode(nil, Upgrade{To: Newest})))
	}
	require.Equal(t, Version(9), CommandNeeds([]byte{1, byte(kindUpgrade), 9}))
	require.Equal(t, Oldest, CommandNeeds(nil))
}

func TestAVersionThatIsNotKnownSaysWhatToInstall(t *testing.T) {
	_, err := Decode([]byte{9, byte(kindClock)})
	var version *VersionError
	require.ErrorAs(t, err, &version)
	require.Equal(t, VersionError{Needed: 9, Supported: Newest}, *version)
	require.ErrorContains(t, err, "install a lockd that supports version 9")
	var format *FormatError
	require.ErrorAs(t, err, &format)
}

// What version 2 is for: in bytes, of a cluster that has a million entries behind it, and of one that was recovered.
func TestVersion2IsShorter(t *testing.T) {
	epoch, err := NextEpoch(0, 1<<51)
	require.NoError(t, err)
	for _, cluster := range []struct {
		name           string
		begin          uint64
		renewals       [2]int // of a thousand sessions
		grab, giveBack [2]int // of one lock
	}{
		{name: "a million entries old", begin: 1_000_000, renewals: [2]int{3004, 1006}, grab: [2]int{20, 19}, giveBack: [2]int{21, 20}},
		{name: "recovered", begin: uint64(epoch), renewals: [2]int{8004, 1011}, grab: [2]int{25, 24}, giveBack: [2]int{31, 25}},
	} {
		var sessions []SessionID
		for i := range uint64(1000) {
			sessions = append(sessions, SessionID(cluster.begin+i))
		}
		request := Request{Session: sessions[500], Sequence: 1000, Acknowledged: 999}
		size := func(command Command) [2]int {
			return [2]int{len(first.Encode(nil, command)), len(compact.Encode(nil, command))}
		}
		require.Equal(t, cluster.renewals, size(Renew{Sessions: sessions}), cluster.name)
		require.Equal(t, cluster.grab, size(Acquire{Request: request, Name: "shared/1", Wait: Forever}), cluster.name)
		require.Equal(t, cluster.giveBack, size(Release{Request: request, Name: "shared/1", Token: Token(cluster.begin + 400_000)}), cluster.name)
	}
}
