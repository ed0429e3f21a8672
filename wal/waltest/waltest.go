// Package waltest holds the conformance test of wal.FS. Every implementation passes it,
// the operating system's and the simulator's: what the log is tested on is what it runs on.
//
// What a loss of power leaves is not here, since no test can ask that of a real disk.
package waltest

import (
	"io"
	"io/fs"
	"testing"

	"lockd/wal"

	"github.com/stretchr/testify/require"
)

// TestFS runs the conformance test. Each call of fresh returns an FS over an empty
// directory of its own.
func TestFS(t *testing.T, fresh func(*testing.T) wal.FS) {
	stories := []struct {
		name string
		tell func(*testing.T, wal.FS)
	}{
		{"an empty directory has no files", emptyDirectory},
		{"the directory is locked once", lockedOnce},
		{"what is written is read back", writtenIsRead},
		{"a read beyond the end is short", shortRead},
		{"a write behind the end leaves zeros before it", gapIsZero},
		{"allocation lengthens with zeros and keeps the content", allocation},
		{"a file is created once", createdOnce},
		{"a missing file is an error one can tell", missing},
		{"a rename replaces", renameReplaces},
		{"an open file survives its rename", renamedWhileOpen},
		{"a removed name is free again", removedIsFree},
		{"names are listed in order", listedInOrder},
		{"a closed file is of no use", closedFile},
		{"what was written is read from the device too", uncached},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) { story.tell(t, fresh(t)) })
	}
}

func write(t *testing.T, directory wal.FS, name, text string) {
	t.Helper()
	file, err := directory.Create(name)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte(text), 0)
	require.NoError(t, err)
	require.NoError(t, file.Sync())
	require.NoError(t, file.Close())
	require.NoError(t, directory.SyncDir())
}

func read(t *testing.T, directory wal.FS, name string) string {
	t.Helper()
	file, err := directory.Open(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	size, err := file.Size()
	require.NoError(t, err)
	content := make([]byte, size)
	_, err = io.ReadFull(io.NewSectionReader(file, 0, size), content)
	require.NoError(t, err)
	return string(content)
}

func emptyDirectory(t *testing.T, directory wal.FS) {
	names, err := directory.List()
	require.NoError(t, err)
	require.Empty(t, names)
	require.NoError(t, directory.SyncDir())
}

func lockedOnce(t *testing.T, directory wal.FS) {
	lock, err := directory.Lock()
	require.NoError(t, err)
	_, err = directory.Lock()
	require.ErrorIs(t, err, wal.ErrInUse)
	names, err := directory.List()
	require.NoError(t, err)
	require.Empty(t, names, "whatever the lock is made of is not listed")
	require.NoError(t, lock.Close())
	lock, err = directory.Lock()
	require.NoError(t, err, "a lock given up is free")
	require.NoError(t, lock.Close())
}

func writtenIsRead(t *testing.T, directory wal.FS) {
	write(t, directory, "a", "one two three")
	file, err := directory.Open("a")
	require.NoError(t, err)
	n, err := file.WriteAt([]byte("TWO"), 4)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.NoError(t, file.Close())
	require.Equal(t, "one TWO three", read(t, directory, "a"), "before any sync")
}

func shortRead(t *testing.T, directory wal.FS) {
	write(t, directory, "a", "four")
	file, err := directory.Open("a")
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	buffer := make([]byte, 8)
	n, err := file.ReadAt(buffer, 2)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, "ur", string(buffer[:n]))
	n, err = file.ReadAt(buffer, 100)
	require.ErrorIs(t, err, io.EOF)
	require.Zero(t, n)
}

func gapIsZero(t *testing.T, directory wal.FS) {
	file, err := directory.Create("a")
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("x"), 3)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Equal(t, "\x00\x00\x00x", read(t, directory, "a"))
}

func allocation(t *testing.T, directory wal.FS) {
	file, err := directory.Create("a")
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("ab"), 0)
	require.NoError(t, err)
	require.NoError(t, file.Allocate(5))
	require.NoError(t, file.Allocate(3), "asking for less changes nothing")
	size, err := file.Size()
	require.NoError(t, err)
	require.EqualValues(t, 5, size)
	require.NoError(t, file.Sync())
	require.NoError(t, file.Close())
	require.Equal(t, "ab\x00\x00\x00", read(t, directory, "a"))
}

func createdOnce(t *testing.T, directory wal.FS) {
	write(t, directory, "a", "first")
	_, err := directory.Create("a")
	require.ErrorIs(t, err, fs.ErrExist)
	require.Equal(t, "first", read(t, directory, "a"))
}

func missing(t *testing.T, directory wal.FS) {
	_, err := directory.Open("a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, directory.Remove("a"), fs.ErrNotExist)
	require.ErrorIs(t, directory.Rename("a", "b"), fs.ErrNotExist)
}

func renameReplaces(t *testing.T, directory wal.FS) {
	write(t, directory, "new", "new content")
	write(t, directory, "old", "old content")
	require.NoError(t, directory.Rename("new", "old"))
	require.Equal(t, "new content", read(t, directory, "old"))
	names, err := directory.List()
	require.NoError(t, err)
	require.Equal(t, []string{"old"}, names)
}

func renamedWhileOpen(t *testing.T, directory wal.FS) {
	file, err := directory.Create("a")
	require.NoError(t, err)
	require.NoError(t, directory.Rename("a", "b"))
	_, err = file.WriteAt([]byte("late"), 0)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.Equal(t, "late", read(t, directory, "b"))
}

func removedIsFree(t *testing.T, directory wal.FS) {
	write(t, directory, "a", "first")
	require.NoError(t, directory.Remove("a"))
	write(t, directory, "a", "2nd")
	require.Equal(t, "2nd", read(t, directory, "a"))
}

func listedInOrder(t *testing.T, directory wal.FS) {
	for _, name := range []string{"b", "c", "a"} {
		write(t, directory, name, name)
	}
	names, err := directory.List()
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c"}, names)
}

func closedFile(t *testing.T, directory wal.FS) {
	file, err := directory.Create("a")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	_, err = file.WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, fs.ErrClosed)
	require.Error(t, file.Sync())
}

// Where the bytes come from is up to the system: they are the same ones.
func uncached(t *testing.T, directory wal.FS) {
	write(t, directory, "a", "synced")
	file, err := directory.Open("a")
	require.NoError(t, err)
	_, err = file.WriteAt([]byte("-"), 5)
	require.NoError(t, err)
	require.NoError(t, file.Uncache(0, 6))
	require.Equal(t, "synce-", read(t, directory, "a"))
	require.NoError(t, file.Close())
	require.Error(t, file.Uncache(0, 6))
}
