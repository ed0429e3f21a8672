package wal

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData asks for F_FULLFSYNC: fsync on macOS leaves the data in the drive's own cache.
func syncData(file *os.File) error {
	_, err := unix.FcntlInt(file.Fd(), unix.F_FULLFSYNC, 0)
	return err
}

// uncache asks that reads through this descriptor leave nothing in memory. What is there already is read from there all the same.
func uncache(file *os.File, _, _ int64) error {
	_, err := unix.FcntlInt(file.Fd(), unix.F_NOCACHE, 1)
	return err
}

func allocate(file *os.File, before, size int64) error {
	reservation := unix.Fstore_t{
		Flags:   unix.F_ALLOCATEALL,
		Posmode: unix.F_PEOFPOSMODE,
		Length:  size - before,
	}
	if err := unix.FcntlFstore(file.Fd(), unix.F_PREALLOCATE, &reservation); err != nil {
		return err
	}
	return file.Truncate(size)
}
