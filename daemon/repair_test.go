package daemon_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/wire/lockdv1"
)

// rot turns a bit over in a sector of the log of a member that is stopped.
func (c *cluster) rot(id raft.ID, sector int64) {
	path := filepath.Join(c.configs[id].Directory, "0000000000000001.segment")
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(c.t, err)
	var b [1]byte
	_, err = file.ReadAt(b[:], 512*sector+100)
	require.NoError(c.t, err)
	b[0] ^= 1
	_, err = file.WriteAt(b[:], 512*sector+100)
	require.NoError(c.t, err)
	require.NoError(c.t, file.Close())
}

// A bit that turns over in the middle of a member's log: it comes back, says so, gets back what it lacks from the leader, and says that.
func TestADamagedLogIsRepaired(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	session := c.session(c.clients[c.leader()])
	for sequence := range uint64(20) {
		require.NotZero(t, c.acquire(string(rune('a'+sequence)), session, sequence+1))
	}
	id := c.leader()%3 + 1
	c.stop(id)
	c.rot(id, 6)
	c.start(id)
	c.awaitLog(id, "the log is damaged")
	c.awaitLog(id, "the log is repaired")
	c.awaitReady(id)
	require.NotContains(t, c.metrics(id), "\nlockd_repaired_entries_total 0\n")
	status, err := c.clients[id].Status(within(t), &lockdv1.StatusRequest{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, status.GetLast(), uint64(20))
}

// spoil turns a bit over in each file of a member that is stopped whose name matches, at an offset that is counted from the end if it is negative.
func (c *cluster) spoil(id raft.ID, pattern string, offset int64) {
	paths, err := filepath.Glob(filepath.Join(c.configs[id].Directory, pattern))
	require.NoError(c.t, err)
	require.NotEmpty(c.t, paths)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(c.t, err)
		content[(int64(len(content))+offset)%int64(len(content))] ^= 1
		require.NoError(c.t, os.WriteFile(path, content, 0o600))
	}
}

// A member whose only snapshot can't be read has no state. It holds on to what it held, and serves again when the leader has sent it one.
func TestADamagedSnapshotIsReplaced(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	session := c.session(c.clients[c.leader()])
	for sequence := range uint64(20) {
		require.NotZero(t, c.acquire(string(rune('a'+sequence)), session, sequence+1))
	}
	id := c.leader()%3 + 1
	c.stop(id)
	c.spoil(id, "snapshot-*", -1)
	c.start(id)
	c.awaitLog(id, "the snapshot is not as it was written")
	c.awaitLog(id, "the log is repaired")
	c.awaitReady(id)
	status, err := c.clients[id].Status(within(t), &lockdv1.StatusRequest{})
	require.NoError(t, err)
	require.GreaterOrEqual(t, status.GetApplied(), uint64(20))
}

// A member whose log is lost altogether abstains until both others have told it their terms; then it is given everything again.
func TestAMemberWithoutItsLogAbstains(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	session := c.session(c.clients[c.leader()])
	require.NotZero(t, c.acquire("a", session, 1))
	id := c.leader()%3 + 1
	c.stop(id)
	other := c.leader()%3 + 1
	if other == id {
		other = other%3 + 1
	}
	leader := 6 - id - other
	c.stop(other)
	segments, err := filepath.Glob(filepath.Join(c.configs[id].Directory, "*.segment"))
	require.NoError(t, err)
	for _, path := range segments {
		require.NoError(t, os.Remove(path))
	}
	c.start(id)
	c.awaitLog(id, "the last record of the log is lost")
	require.ErrorContains(t, c.nodes[id].Ready(context.Background()), "abstains")
	unready := func() bool { return c.nodes[leader].Ready(context.Background()) != nil }
	require.Eventually(t, unready, 10*time.Second, 5*time.Millisecond, "it counts for nobody")
	c.start(other)
	c.awaitLog(id, "all voters have told their terms")
	for id := raft.ID(1); id <= 3; id++ {
		c.awaitReady(id)
	}
	require.NotZero(t, c.acquire("b", session, 2))
}

// Of a member's directory nothing is left but its identity. It knows nobody, is found by the others, and in the end has everything again.
func TestAnIdentityIsEnough(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	session := c.session(c.clients[c.leader()])
	require.NotZero(t, c.acquire("a", session, 1))
	id := c.leader()%3 + 1
	c.stop(id)
	for _, pattern := range []string{"*.segment", "snapshot-*"} {
		paths, err := filepath.Glob(filepath.Join(c.configs[id].Directory, pattern))
		require.NoError(t, err)
		for _, path := range paths {
			require.NoError(t, os.Remove(path))
		}
	}
	c.start(id)
	c.awaitLog(id, "all voters have told their terms")
	for id := raft.ID(1); id <= 3; id++ {
		c.awaitReady(id)
	}
	require.NotZero(t, c.acquire("b", session, 2))
}

// Two of three are damaged, each in another place, and the third is gone. They repair each other, and serve.
func TestTwoDamagedLogsRepairEachOther(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	session := c.session(c.clients[c.leader()])
	for sequence := range uint64(20) {
		require.NotZero(t, c.acquire(string(rune('a'+sequence)), session, sequence+1))
	}
	for id := raft.ID(1); id <= 3; id++ {
		c.stop(id)
	}
	c.rot(1, 6)
	c.rot(2, 11)
	c.start(1)
	c.awaitLog(1, "entries of the log can't be read")
	require.ErrorContains(t, c.nodes[1].Ready(context.Background()), "can't be read")
	c.start(2)
	for id := raft.ID(1); id <= 2; id++ {
		c.awaitLog(id, "the log is repaired")
		c.awaitReady(id)
	}
	require.NotZero(t, c.acquire("z", session, 30))
}

// flip turns a bit over in a file of a member that runs.
func (c *cluster) flip(id raft.ID, name string, offset int64) {
	file, err := os.OpenFile(filepath.Join(c.configs[id].Directory, name), os.O_RDWR, 0)
	require.NoError(c.t, err)
	var b [1]byte
	_, err = file.ReadAt(b[:], offset)
	require.NoError(c.t, err)
	b[0] ^= 1
	_, err = file.WriteAt(b[:], offset)
	require.NoError(c.t, err)
	require.NoError(c.t, file.Sync())
	require.NoError(c.t, file.Close())
}

// metrics is what a member tells Prometheus.
func (c *cluster) metrics(id raft.ID) string {
	response, err := http.Get("http://" + c.nodes[id].HTTPAddress() + "/metrics")
	require.NoError(c.t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	require.NoError(c.t, response.Body.Close())
	return string(text)
}

// A bit turns over in a sealed segment while the node runs, all alone, and then one in a snapshot. It finds both, replaces the files without
// anybody's help, and a restart finds nothing to complain of.
func TestRotInUseIsFoundAndReplaced(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	config := c.configs[1]
	config.Limits.SegmentBytes, config.ScrubInterval = 16<<10, 50*time.Millisecond
	c.configs[1] = config
	c.start(1)
	c.awaitReady(1)
	session := c.session(c.clients[c.leader()])
	for sequence := range uint64(60) {
		require.NotZero(t, c.acquire(fmt.Sprint("lock-", sequence), session, sequence+1))
	}
	for i, file := range []string{"0000000000000001.segment", "snapshot-0000000000000001"} {
		c.flip(1, file, 30)
		await(t, func() bool {
			metrics := c.metrics(1)
			return strings.Contains(metrics, fmt.Sprintf("\nlockd_rot_found_total %d\n", i+1)) && strings.Contains(metrics, fmt.Sprintf("\nlockd_rot_healed_total %d\n", i+1))
		})
	}
	require.Contains(t, c.logs[1].String(), "file=0000000000000001.segment")
	require.NoFileExists(t, filepath.Join(config.Directory, "0000000000000001.segment"))
	require.NotZero(t, c.acquire("later", session, 100))
	c.stop(1)
	c.start(1)
	c.awaitReady(1)
	require.NotContains(t, c.logs[1].String(), "the data directory is damaged")
	require.NotContains(t, c.logs[1].String(), "the log is damaged")
	require.NotZero(t, c.acquire("still later", session, 101))
}
