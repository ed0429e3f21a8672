package wal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData leaves out the file's times, which nobody reads: on a file that was allocated
// and zeroed beforehand nothing but the data itself has to reach the disk.
func syncData(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }

// uncache drops the range from the page cache, but for what is still to be written.
func uncache(file *os.File, offset, length int64) error {
	return unix.Fadvise(int(file.Fd()), offset, length, unix.FADV_DONTNEED)
}

func allocate(file *os.File, before, size int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, before, size-before)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return writeZeros(file, before, size) // a file system without reservations
	}
	return err
}
