package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAFlippedByteIsRepaired kills a member under load, turns a byte over in the middle of its log, and starts it again. It says what it lacks, gets it
// back by itself, and nothing that a client was told is wrong.
func TestAFlippedByteIsRepaired(t *testing.T) {
	repairs(t, "the log is damaged", func(directory string) { flip(t, filepath.Join(directory, "0000000000000001.segment"), 40*512+100) })
}

// The same with a byte in the only snapshot: the leader sends another one.
func TestAFlippedByteInTheSnapshotIsRepaired(t *testing.T) {
	repairs(t, "the snapshot is not as it was written", func(directory string) {
		flip(t, filepath.Join(directory, "snapshot-0000000000000001"), 20)
	})
}

// The same with all of the log: the member abstains until both others have told it their terms, and is given everything again.
func TestALostLogIsRepaired(t *testing.T) {
	repairs(t, "the last record of the log is lost", func(directory string) {
		require.NoError(t, os.Truncate(filepath.Join(directory, "0000000000000001.segment"), 512))
	})
}

// repairs kills a member under load, has its directory damaged, and wants to see that noticed and made good.
func repairs(t *testing.T, notice string, damage func(directory string)) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	folder := t.TempDir()
	binary, err := Build(t.Context(), folder)
	require.NoError(t, err)
	c, err := Start(t.Context(), binary, folder, 3)
	require.NoError(t, err)
	defer c.Stop()
	l, err := startLoad(t.Context(), c.Endpoints(), 8)
	require.NoError(t, err)
	defer l.end()
	granted := func(count int) {
		require.Eventually(t, func() bool { return l.history.Grants() >= count }, time.Minute, 10*time.Millisecond)
	}
	granted(200)
	victim := c.Node(2)
	victim.Kill()
	damage(filepath.Join(folder, "node-2"))
	require.NoError(t, victim.restart(t.Context(), l))
	granted(l.history.Grants() + 100)
	log, err := os.ReadFile(victim.log)
	require.NoError(t, err)
	require.Contains(t, string(log), notice)
	require.Contains(t, string(log), "the log is repaired")
	l.end()
	require.Empty(t, l.history.Judge().Violations)
}

// flip turns a byte of a file over.
func flip(t *testing.T, path string, offset int64) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	var b [1]byte
	_, err = file.ReadAt(b[:], offset)
	require.NoError(t, err)
	b[0] ^= 0xff
	_, err = file.WriteAt(b[:], offset)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// TestAFlippedByteInUseIsReplaced turns a byte over in a file of a member that runs, under load. It finds that by itself and replaces the file, and nobody
// notices.
func TestAFlippedByteInUseIsReplaced(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	folder := t.TempDir()
	binary, err := Build(t.Context(), folder)
	require.NoError(t, err)
	c, err := layOut(binary, folder, 3)
	require.NoError(t, err)
	for _, n := range c.Nodes {
		n.meet(func(other *Node) string { return other.peer }, c.Nodes)
		n.arguments = append(n.arguments, "--scrub-interval", "200ms")
	}
	require.NoError(t, c.start(t.Context()))
	defer c.Stop()
	l, err := startLoad(t.Context(), c.Endpoints(), 8)
	require.NoError(t, err)
	defer l.end()
	victim := c.Node(2)
	flip(t, filepath.Join(victim.data, "snapshot-0000000000000001"), 40)
	require.Eventually(t, func() bool {
		metrics, err := victim.metrics(t.Context())
		return err == nil && strings.Contains(metrics, "\nlockd_rot_found_total 1") && strings.Contains(metrics, "\nlockd_rot_healed_total 1")
	}, 30*time.Second, 20*time.Millisecond)
	grants := l.history.Grants()
	require.Eventually(t, func() bool { return l.history.Grants() >= grants+100 }, time.Minute, 10*time.Millisecond)
	log, err := os.ReadFile(victim.log)
	require.NoError(t, err)
	require.Contains(t, string(log), `"file":"snapshot-0000000000000001"`)
	l.end()
	require.Empty(t, l.history.Judge().Violations)
}
