package disk

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A new file takes over the memory of one that is gone for good, and nothing of what that had: not in what is read, nor after a
// loss of power.
func TestNewFileHasNothingOfAnOldOne(t *testing.T) {
	d := New(rand.New(rand.NewPCG(1, 2)))
	old, err := d.Create("old")
	require.NoError(t, err)
	_, err = old.WriteAt([]byte("what is not to be seen again"), 0)
	require.NoError(t, err)
	require.NoError(t, old.Sync())
	require.NoError(t, old.Close())
	require.NoError(t, d.Remove("old"))
	require.Empty(t, d.gone, "a loss of power would bring it back")
	require.NoError(t, d.SyncDir())
	require.Len(t, d.gone, 1)

	file, err := d.Create("new")
	require.NoError(t, err)
	require.Empty(t, d.gone)
	require.NoError(t, file.Allocate(SectorSize))
	require.Equal(t, make([]byte, SectorSize), readWhole(t, d, "new"))
	require.NoError(t, file.Sync())
	require.NoError(t, d.SyncDir())
	d.Crash()
	require.Equal(t, make([]byte, SectorSize), readWhole(t, d, "new"))
}

// Who has a removed file open goes on reading it.
func TestRemovedFileThatIsOpenIsLeftAlone(t *testing.T) {
	d := New(rand.New(rand.NewPCG(1, 2)))
	file, err := d.Create("file")
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("still here"), 0)
	require.NoError(t, err)
	require.NoError(t, d.Remove("file"))
	require.NoError(t, d.SyncDir())
	require.Empty(t, d.gone)
	seen := make([]byte, 10)
	_, err = file.ReadAt(seen, 0)
	require.NoError(t, err)
	require.Equal(t, "still here", string(seen))
}

func readWhole(t *testing.T, d *Disk, name string) []byte {
	file, err := d.Open(name)
	require.NoError(t, err)
	content := make([]byte, d.Size(name))
	_, err = file.ReadAt(content, 0)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return content
}
