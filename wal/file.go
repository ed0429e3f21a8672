package wal

import (
	"errors"
	"io"
	"slices"
	"strings"
)

// newSuffix marks a file that is being written. Whatever has it at Open is a leftover.
const newSuffix = ".new"

// readFile returns the whole content of a file.
func readFile(directory FS, name string) ([]byte, error) { return readFileInto(nil, directory, name) }

// readFileInto is readFile into memory that is not needed any more, if there is enough of it.
func readFileInto(memory []byte, directory FS, name string) ([]byte, error) {
	file, err := directory.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := readAllInto(memory, file)
	return content, errors.Join(err, file.Close())
}

func readAll(file File) ([]byte, error) { return readAllInto(nil, file) }

func readAllInto(memory []byte, file File) ([]byte, error) {
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	content := slices.Grow(memory[:0], int(size))[:size]
	if n, err := file.ReadAt(content, 0); n < len(content) {
		return nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return content, nil
}

// replaceFile makes a file of that name and content durable. A crash leaves the old file
// or the new one: the content is synced before it takes the name, and the name before
// replaceFile returns. With no room it returns ErrDiskFull and the old file stays.
func replaceFile(directory FS, name string, size int64, write func(File) error) error {
	file, err := directory.Create(name + newSuffix)
	if err != nil {
		return err
	}
	if err := file.Allocate(size); err != nil {
		return discard(directory, file, name+newSuffix, err)
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	switch err := directory.Rename(name+newSuffix, name); {
	case errors.Is(err, ErrDiskFull):
		return cleared(directory, name+newSuffix, err)
	case err != nil:
		return err
	}
	return directory.SyncDir()
}

// discard closes and removes a file that found no room, and returns why there was none.
// If that fails too, then something has changed, and its error is the one to report.
func discard(directory FS, file File, name string, why error) error {
	if err := file.Close(); err != nil {
		return errors.Join(err, directory.Remove(name))
	}
	return cleared(directory, name, why)
}

// cleared removes a file that a second try would stumble over, and returns why there has to be one.
func cleared(directory FS, name string, why error) error {
	if err := directory.Remove(name); err != nil {
		return err
	}
	return why
}

// writeZeros writes zeros from one offset up to another.
func writeZeros(file io.WriterAt, from, to int64) error {
	for from < to {
		n := min(to-from, int64(len(zeros)))
		if _, err := file.WriteAt(zeros[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

var zeros [256 << 10]byte

// removeDurably deletes a file so that no later deletion can outlive a crash which this
// one does not: a row of segments must never come back with a hole.
func removeDurably(directory FS, name string) error {
	if err := directory.Remove(name); err != nil {
		return err
	}
	return directory.SyncDir()
}

func isLeftover(name string) bool { return strings.HasSuffix(name, newSuffix) }
