package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// OS returns the directory as an FS of the operating system. The directory must exist.
func OS(directory string) FS { return osDirectory(directory) }

// lockFile is the file whose advisory lock stands for the directory. It is not listed.
const lockFile = "LOCK"

type osDirectory string

func (d osDirectory) path(name string) string { return filepath.Join(string(d), name) }

func (d osDirectory) Lock() (io.Closer, error) {
	file, err := os.OpenFile(d.path(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, withDiskFull(err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	if closeErr := file.Close(); closeErr != nil {
		return nil, closeErr
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: %w", string(d), ErrInUse)
	}
	return nil, fmt.Errorf("lock %s: %w", d.path(lockFile), err)
}

func (d osDirectory) List() ([]string, error) {
	entries, err := os.ReadDir(string(d)) // sorted by name
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() && entry.Name() != lockFile {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

func (d osDirectory) Create(name string) (File, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (d osDirectory) Open(name string) (File, error) {
	return d.open(name, os.O_RDWR)
}

func (d osDirectory) open(name string, flag int) (File, error) {
	file, err := os.OpenFile(d.path(name), flag, 0o600)
	if err != nil {
		return nil, withDiskFull(err)
	}
	return osFile{file}, nil
}

func (d osDirectory) Rename(from, to string) error {
	return withDiskFull(os.Rename(d.path(from), d.path(to)))
}

func (d osDirectory) Remove(name string) error { return os.Remove(d.path(name)) }

func (d osDirectory) SyncDir() error {
	directory, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Allocate(size int64) error {
	before, err := f.Size()
	if err != nil || size <= before {
		return err
	}
	err = retried(func() error { return allocate(f.File, before, size) })
	if err == nil {
		return nil
	}
	// A failed allocation may have kept a part: the promise is that the length is as before.
	if truncateErr := f.Truncate(before); truncateErr != nil {
		return truncateErr
	}
	return withDiskFull(fmt.Errorf("allocate %s: %w", f.Name(), err))
}

func (f osFile) Uncache(offset, length int64) error {
	if err := uncache(f.File, offset, length); err != nil {
		return fmt.Errorf("uncache %s: %w", f.Name(), err)
	}
	return nil
}

func (f osFile) Sync() error {
	stall(f.File)
	if err := retried(func() error { return syncData(f.File) }); err != nil {
		return fmt.Errorf("sync %s: %w", f.Name(), err)
	}
	return nil
}

// retried repeats a system call that a signal interrupted before it began. That is the
// one error of a sync which says nothing about the disk.
func retried(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// withDiskFull makes an operating system's "no room" known as ErrDiskFull.
func withDiskFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}
