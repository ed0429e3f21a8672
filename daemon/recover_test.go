package daemon_test

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lockd/daemon"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/wal"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

func examine(t testing.TB, directory string) *daemon.Remains {
	t.Helper()
	remains, err := daemon.ExamineDirectory(directory)
	require.NoError(t, err)
	t.Cleanup(func() { _ = remains.Close() })
	return remains
}

func recovered(t testing.TB, remains *daemon.Remains, above lockfsm.Token, members ...raft.ID) daemon.Recovered {
	t.Helper()
	made, err := remains.Recover(daemon.Recovery{Members: members, Directory: filepath.Join(t.TempDir(), "new"), Above: above})
	require.NoError(t, err)
	require.NoError(t, remains.Close())
	return made
}

// move lets the members go on in other directories.
func (c *cluster) move(directories map[raft.ID]string) {
	for id, config := range maps.Clone(c.configs) {
		config.Directory = directories[id]
		c.configs[id] = config
	}
}

// lost is a cluster whose members have all ended, one of which held what was granted last. It returns the token and the session.
func lost(t *testing.T) (c *cluster, survivor raft.ID, token, session uint64) {
	c = startCluster(t, 3)
	survivor = c.leader()
	session = c.session(c.clients[survivor])
	c.acquire("a", session, 1)
	token = c.acquire("b", session, 2)
	survivor = c.leader() // it has what it told us
	for id := range c.configs {
		c.stop(id)
	}
	return c, survivor, token, session
}

func TestALostMajorityIsSucceededByAClusterThatKnowsNobody(t *testing.T) {
	t.Parallel()
	c, survivor, token, session := lost(t)
	old := c.configs[survivor].Directory
	remains := examine(t, old)
	require.Equal(t, survivor, remains.Member)
	require.Equal(t, 2, remains.Machine.Counts().Locks)
	require.Equal(t, lockfsm.Token(token), remains.Machine.Last())
	made := recovered(t, remains, 0, 1, 2, 3)

	_, err := daemon.Start(c.configs[survivor])
	require.ErrorIs(t, err, wal.ErrRetired, "it was succeeded")
	c.move(made.Directories)
	for id := range c.configs {
		c.start(id)
	}
	leader := c.clients[c.leader()]
	_, err = leader.Acquire(within(t), &lockdv1.AcquireRequest{Name: "a", Session: session, Sequence: 3})
	require.Equal(t, lockdv1.Result_UNKNOWN_SESSION, wire.RefusalIn(err).GetResult().GetStatus())
	_, err = leader.Release(within(t), &lockdv1.ReleaseRequest{Name: "b", Token: token})
	require.Equal(t, lockdv1.Result_STALE_TOKEN, wire.RefusalIn(err).GetResult().GetStatus())
	fresh := c.session(leader)
	require.Greater(t, fresh, uint64(made.Epoch), "no number of a session comes again")
	require.Equal(t, uint64(made.Epoch)+1, c.acquire("b", fresh, 1))
}

// The two that were thought lost turn up. One is started where a member of the new cluster should be.
func TestAMemberOfTheOldClusterIsRefusedByTheNewOne(t *testing.T) {
	t.Parallel()
	c, survivor, _, _ := lost(t)
	made := recovered(t, examine(t, c.configs[survivor].Directory), 0, 1, 2, 3)
	back := survivor%3 + 1
	made.Directories[back] = c.configs[back].Directory
	c.move(made.Directories)
	for id := range c.configs {
		c.start(id)
	}
	for id := range c.configs {
		if id != back {
			c.awaitReady(id)
			c.awaitLog(id, "belongs to another cluster")
		}
	}
	c.awaitLog(back, "belongs to another cluster")
	require.Error(t, c.nodes[back].Ready(context.Background()))
	_, err := c.clients[back].Acquire(within(t), &lockdv1.AcquireRequest{Name: "a", Session: 1})
	require.Equal(t, lockdv1.Refusal_NOT_LEADER, wire.RefusalIn(err).GetReason(), err)
}

// A member that was wiped is no member of the new cluster either: its directory is the one that the recovery made.
func TestAnEmptyDirectoryIsNoMemberOfARecoveredCluster(t *testing.T) {
	t.Parallel()
	c, survivor, _, _ := lost(t)
	made := recovered(t, examine(t, c.configs[survivor].Directory), 0, 1, 2, 3)
	made.Directories[2] = filepath.Join(t.TempDir(), "empty")
	c.move(made.Directories)
	for id := range c.configs {
		c.start(id)
	}
	c.awaitLog(2, "member 2 lost its data directory")
	c.awaitReady(1)
	require.ErrorContains(t, c.nodes[2].Ready(context.Background()), "is not the member that promised")
}

func TestAClusterOfOneGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	c, survivor, token, _ := lost(t)
	made := recovered(t, examine(t, c.configs[survivor].Directory), 0, survivor)
	require.Len(t, made.Directories, 1)
	config := c.configs[survivor]
	config.Members, config.Directory = map[raft.ID]string{survivor: c.members[survivor]}, made.Directories[survivor]
	c.configs[survivor] = config
	c.start(survivor)
	require.Greater(t, c.acquire("a", c.session(c.clients[c.leader()]), 1), token)
}

// single is the directory of a cluster of one that was stopped, after a few grants.
func single(t *testing.T) (directory string, token uint64) {
	c := startCluster(t, 1)
	session := c.session(c.clients[1])
	for n := range uint64(3) {
		token = c.acquire(string('a'+rune(n)), session, n+1)
	}
	c.stop(1)
	return c.configs[1].Directory, token
}

func TestARunningNodeIsNotRecovered(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	_, err := daemon.ExamineDirectory(c.configs[1].Directory)
	require.ErrorIs(t, err, wal.ErrInUse)
	require.ErrorContains(t, err, c.configs[1].Directory)
}

// A second operator recovers the same directory, after the first successor has come and gone: what that granted must be below.
func TestTheSecondRecoveryOfADirectoryIsAboveTheFirst(t *testing.T) {
	t.Parallel()
	directory, _ := single(t)
	first := recovered(t, examine(t, directory), 0, 1)
	again := examine(t, directory)
	require.Equal(t, first.Cluster, again.Successor.Cluster)
	second := recovered(t, again, 0, 1)
	require.Greater(t, second.Epoch>>53, first.Epoch>>53)
	require.NotEqual(t, first.Cluster, second.Cluster)
}

// So is the recovery of a recovered cluster, whatever that came to.
func TestARecoveredClusterCanBeRecovered(t *testing.T) {
	t.Parallel()
	directory, _ := single(t)
	first := recovered(t, examine(t, directory), 0, 1, 2)
	second := recovered(t, examine(t, first.Directories[2]), 0, 1)
	require.Greater(t, second.Epoch>>53, first.Epoch>>53)
}

// Two operators restore one backup, and neither knows of the other. A third one does.
func TestTwoRestoresOfOneSnapshotShareNoEpoch(t *testing.T) {
	t.Parallel()
	directory, token := single(t)
	remains := examine(t, directory)
	file := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, os.WriteFile(file, remains.Machine.Snapshot().Encode(), 0o600))
	restore := func(above lockfsm.Token) daemon.Recovered {
		saved, err := daemon.ExamineSnapshot(file)
		require.NoError(t, err)
		require.Zero(t, saved.Member)
		return recovered(t, saved, above, 1)
	}
	one, other := restore(0), restore(0)
	require.Greater(t, uint64(one.Epoch), token)
	require.Greater(t, uint64(other.Epoch), token)
	require.NotEqual(t, one.Epoch, other.Epoch)
	require.NotEqual(t, one.Cluster, other.Cluster)
	third := restore(lockfsm.Token(one.Epoch) + 311)
	require.Greater(t, third.Epoch>>53, max(one.Epoch, other.Epoch)>>53)
}

// What can't be read is not needed to be above it: the tokens in it are of the same generation as those before.
func TestADamagedDirectoryIsRecoveredAllTheSame(t *testing.T) {
	t.Parallel()
	directory, token := single(t)
	segment := filepath.Join(directory, "0000000000000001.segment")
	content, err := os.ReadFile(segment)
	require.NoError(t, err)
	content[3*512+100] ^= 1
	require.NoError(t, os.WriteFile(segment, content, 0o600))
	remains := examine(t, directory)
	require.Len(t, remains.Damage, 1)
	require.Equal(t, remains.Machine.Revision()+1, uint64(remains.Damage[0].First))
	require.Less(t, uint64(remains.Machine.Last()), token, "the last grants can't be read")
	require.Greater(t, uint64(recovered(t, remains, 0, 1).Epoch), token)
}

func TestARecoveryThatCanNotBeDoneChangesNothing(t *testing.T) {
	t.Parallel()
	directory, _ := single(t)
	there, half := filepath.Join(t.TempDir(), "there"), filepath.Join(t.TempDir(), "half")
	require.NoError(t, os.Mkdir(there, 0o700))
	require.NoError(t, os.Mkdir(half+".unfinished", 0o700))
	remains := examine(t, directory)
	for _, recovery := range []daemon.Recovery{
		{Members: []raft.ID{1}, Directory: there},
		{Members: []raft.ID{1}, Directory: there + "/"},
		{Members: []raft.ID{1}, Directory: half}, // of a recovery that was killed
	} {
		_, err := remains.Recover(recovery)
		require.ErrorIs(t, err, fs.ErrExist)
	}
	for _, members := range [][]raft.ID{nil, {0}, {1, 2, 1}, make([]raft.ID, wal.MaxMembers+1)} {
		_, err := remains.Recover(daemon.Recovery{Members: members, Directory: filepath.Join(t.TempDir(), "new")})
		require.Error(t, err)
	}
	_, err := remains.Recover(daemon.Recovery{Members: []raft.ID{1}, Directory: filepath.Join(t.TempDir(), "new"), Above: 1<<63 - 1})
	require.ErrorIs(t, err, lockfsm.ErrNoMoreEpochs)
	require.NoError(t, remains.Close())
	require.Zero(t, examine(t, directory).Successor)
}

// A member whose snapshots are lost was started once more, and got no other one. What is left of it is nobody's state: it must not be taken for that of a cluster which
// was never recovered, since the next recovery's tokens would then be of the same generation as those of the cluster that it succeeds.
func TestADirectoryWithoutAStateIsNoRemains(t *testing.T) {
	t.Parallel()
	c, survivor, _, _ := lost(t)
	first := recovered(t, examine(t, c.configs[survivor].Directory), 0, 1)
	directory := first.Directories[1]

	names, err := filepath.Glob(filepath.Join(directory, "snapshot-*"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		content[len(content)-1] ^= 1
		require.NoError(t, os.WriteFile(name, content, 0o600))
	}
	log, opened, err := wal.Open(wal.OS(directory), wal.Options{Member: 1, Incarnation: 1})
	require.NoError(t, err)
	require.Zero(t, opened.Stored.Snapshot.Index)
	require.NoError(t, log.Close())

	_, err = daemon.ExamineDirectory(directory)
	damage := new(wal.DamageError)
	require.ErrorAs(t, err, &damage, "tokens of a second recovery from here would not lie above those of the first")
}
