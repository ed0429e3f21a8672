package cluster

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAFlippedByteIsRepaired kills a member under load, turns a byte over in the middle of its log, and starts it again. It says what it lacks, gets it
// back by itself, and nothing that a client was told is wrong.
func TestAFlippedByteIsRepaired(t *testing.T) {
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
	flip(t, filepath.Join(folder, "node-2", "0000000000000001.segment"), 40*512+100)
	require.NoError(t, victim.restart(t.Context(), l))
	granted(l.history.Grants() + 100)
	log, err := os.ReadFile(victim.log)
	require.NoError(t, err)
	require.Contains(t, string(log), "the log is damaged")
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
