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
