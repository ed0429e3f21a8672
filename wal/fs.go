package wal

import (
	"errors"
	"io"
)

// ErrDiskFull says that there is no room. Nothing was written and nothing changed: the
// same call may be made again once there is room.
var ErrDiskFull = errors.New("disk full")

// ErrInUse says that another process has the directory.
var ErrInUse = errors.New("directory in use by another process")

// FS is one flat directory of files, as much of it as the log needs. Names have no
// slashes. What a crash leaves of each operation is said in the package's essay.
type FS interface {
	// Lock takes the directory for this process alone until the result is closed or the
	// process ends. The error for a directory that is taken wraps ErrInUse and names it.
	Lock() (io.Closer, error)
	// List returns the names of all files, sorted.
	List() ([]string, error)
	// Create makes an empty file and opens it; fs.ErrExist when the name is taken.
	// No room: ErrDiskFull.
	Create(name string) (File, error)
	// Open opens a file for reading and writing; fs.ErrNotExist when there is none.
	Open(name string) (File, error)
	// Rename gives a file a new name, in place of any file that had it.
	Rename(from, to string) error
	// Remove deletes a file; fs.ErrNotExist when there is none.
	Remove(name string) error
	// SyncDir makes every Create, Rename and Remove before it durable.
	SyncDir() error
}

// File is an open file. WriteAt beyond the end makes it longer.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
	// Allocate makes the file at least size bytes long, new bytes reading as zero, and
	// reserves the room, so that no later WriteAt within it can find the disk full. No
	// room: ErrDiskFull, and the length is as before.
	Allocate(size int64) error
	// Uncache asks that the next read of a range come from the device: what the system has in memory is no proof of what is on the
	// disk. It is a request: where the system has no such thing, it does nothing. What was not synced stays as it was written.
	Uncache(offset, length int64) error
	// Sync makes everything written to the file before it durable. After an error
	// nothing is known about what was: what is read back may never have reached the disk.
	Sync() error
}
