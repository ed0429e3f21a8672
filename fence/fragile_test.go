package fence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var errDisk = errors.New("the disk says no")

// fragile is a machine with a durable guard whose power may fail. Its disk keeps what was
// synced and nothing else: the content a file had at its last sync, under the name it had at
// the directory's last sync.
type fragile struct {
	prefix    string // of the directories that it lives in, a new one after each loss
	losses    int
	guard     *Guard
	syncFails bool

	synced  map[*os.File][]byte
	renamed *os.File // the file that the name stands for, to whoever asks the running system
	placed  *os.File // the file that the name stands for on the disk
	newest  *os.File // the file that was synced last
}

func newFragile(t *rapid.T, prefix string) *fragile {
	machine := &fragile{prefix: prefix, synced: make(map[*os.File][]byte)}
	machine.open(t)
	return machine
}

func (f *fragile) directory() string { return fmt.Sprint(f.prefix, f.losses) }

func (f *fragile) open(t *rapid.T) {
	guard, err := open(f.directory(), disk{writeAt: (*os.File).WriteAt, sync: f.sync, rename: f.rename})
	require.NoError(t, err)
	f.guard = guard
}

func (f *fragile) reopen(t *rapid.T) {
	require.NoError(t, f.guard.Close())
	f.open(t)
}

// losePower begins anew with what the disk kept and, perhaps, what it got of one append.
func (f *fragile) losePower(t *rapid.T) {
	kept := f.synced[f.placed]
	require.NoError(t, f.guard.Close())
	f.losses++
	f.syncFails = false
	require.NoError(t, os.Mkdir(f.directory(), 0o700))
	tail := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, recordSize-1),
		rapid.Just(make([]byte, recordSize)),
	).Draw(t, "tail")
	require.NoError(t, os.WriteFile(filepath.Join(f.directory(), marksName), append(kept[:len(kept):len(kept)], tail...), 0o600))
	f.open(t)
}

func (f *fragile) sync(file *os.File) error {
	if f.syncFails {
		return errDisk
	}
	information, err := file.Stat()
	if err != nil {
		return err
	}
	if information.IsDir() {
		f.placed = f.renamed
		return nil
	}
	content := make([]byte, information.Size())
	if _, err := file.ReadAt(content, 0); err != nil {
		return err
	}
	f.synced[file] = content
	f.newest = file
	return nil
}

func (f *fragile) rename(from, to string) error {
	f.renamed = f.newest
	return os.Rename(from, to)
}
