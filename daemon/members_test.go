package daemon_test

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/wire/lockdv1"
)

// newcomer prepares a node that joins, with an empty directory. The others are not told.
func (c *cluster) newcomer(id raft.ID) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(c.t, err)
	config := c.configs[1]
	config.Member, config.Join, config.Members = id, true, maps.Clone(c.members)
	config.Members[id] = listener.Addr().String()
	config.Directory = filepath.Join(c.t.TempDir(), "newcomer")
	config.PeerListener, config.PeerAddress, config.ClientAddress, config.HTTPAddress = listener, "", "127.0.0.1:0", "127.0.0.1:0"
	c.logs[id] = &logbook{}
	config.Logger = slog.New(slog.NewTextHandler(c.logs[id], nil))
	c.configs[id] = config
}

// entry is what the cluster is told of a newcomer.
func (c *cluster) entry(id raft.ID) *lockdv1.Member {
	return &lockdv1.Member{Id: uint64(id), Incarnation: c.nodes[id].Incarnation(), Address: c.configs[id].Members[id]}
}

// change asks the leader, whoever that is, until it takes the change.
func (c *cluster) change(request *lockdv1.ChangeMembersRequest) {
	c.t.Helper()
	var why error
	require.Eventually(c.t, func() bool {
		_, why = c.clients[c.leader()].ChangeMembers(within(c.t), request)
		return why == nil
	}, patience, 20*time.Millisecond, "%v", why)
}

// awaitVoters waits until a member takes these for the voters, and nobody else for a member.
func (c *cluster) awaitVoters(at raft.ID, voters ...raft.ID) {
	c.t.Helper()
	await(c.t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		status, err := c.clients[at].Status(ctx, &lockdv1.StatusRequest{})
		if err != nil || len(status.GetMembers()) != len(voters) || len(status.GetFormer())+len(status.GetLearners()) > 0 {
			return false
		}
		for i, m := range status.GetMembers() {
			if m.GetId() != uint64(voters[i]) {
				return false
			}
		}
		return true
	})
}

// A machine is gone for good. A new one joins in its place, under another number, and the old one is removed.
func TestADeadMachineIsReplaced(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	session := c.session(c.clients[c.leader()])
	first := c.acquire("a", session, 1)
	dead := c.follower()
	c.stop(dead)
	c.wipe(dead)

	c.newcomer(4)
	c.start(4)
	require.False(t, c.nodes[4].Formed())
	c.change(&lockdv1.ChangeMembersRequest{Add: []*lockdv1.Member{c.entry(4)}})
	var left []raft.ID
	for id := raft.ID(1); id <= 3; id++ {
		if id != dead {
			left = append(left, id)
		}
	}
	c.awaitVoters(left[0], 1, 2, 3, 4)
	c.change(&lockdv1.ChangeMembersRequest{Remove: []uint64{uint64(dead)}})
	left = append(left, 4)
	for _, id := range left {
		c.awaitVoters(id, left...)
	}
	require.NotZero(t, first)

	// Now the newcomer is needed, and has what the others have, also after a restart.
	gone := left[0]
	c.stop(gone)
	require.Greater(t, c.acquire("b", session, 2), first)
	c.stop(4)
	c.start(4)
	require.Greater(t, c.acquire("c", session, 3), first)
}

// The leader takes itself out: another one leads, and nobody who is left notices more than that.
func TestTheLeaderIsRemoved(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	var leader raft.ID
	await(t, func() bool {
		leader = c.leader()
		_, err := c.clients[leader].ChangeMembers(within(t), &lockdv1.ChangeMembersRequest{Remove: []uint64{uint64(leader)}})
		return err == nil
	})
	await(t, func() bool { return c.leader() != leader })
	c.stop(leader)
	require.NotZero(t, c.acquire("a", c.session(c.clients[c.leader()]), 1))
}

// A node with an empty disk under the number of a member is not that member, whether it founds or joins. Once the member is removed, it may join.
func TestAnEmptyDiskUnderAnOldNumber(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	old := c.follower()
	c.stop(old)
	c.wipe(old)
	c.start(old)
	c.awaitLog(old, "lost its data directory")
	require.ErrorContains(t, c.nodes[old].Ready(context.Background()), "lost its data directory")
	c.stop(old)
	c.wipe(old)
	config := c.configs[old]
	config.Join = true
	c.configs[old] = config
	c.start(old)
	_, err := c.clients[c.leader()].ChangeMembers(within(t), &lockdv1.ChangeMembersRequest{Add: []*lockdv1.Member{c.entry(old)}})
	require.ErrorContains(t, err, "a node of that number belongs to the cluster already")
	c.awaitLog(old, "by another data directory")

	c.change(&lockdv1.ChangeMembersRequest{Remove: []uint64{uint64(old)}})
	c.change(&lockdv1.ChangeMembersRequest{Add: []*lockdv1.Member{c.entry(old)}})
	c.awaitVoters(old, 1, 2, 3)
}

// A node is started with the same settings ever after: one that has joined, or founded, goes on.
func TestANodeOfAClusterThatIsToldToJoinGoesOn(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	c.stop(1)
	config := c.configs[1]
	config.Join = true
	c.configs[1] = config
	c.start(1)
	c.awaitReady(1)
}
