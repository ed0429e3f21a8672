package daemon

import (
	"errors"
	"os"
	"path/filepath"
)

// makeDirectory makes a directory, and those above it that are missing, so that a power loss does not undo it: a member
// whose directory is gone with all that it had promised would come back as one that was wiped.
func makeDirectory(path string, sync func(directory string) error) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	var changed []string // directories that get an entry, the lowest first
	for at := path; ; at = filepath.Dir(at) {
		_, err := os.Stat(at)
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) {
			return err
		}
		changed = append(changed, filepath.Dir(at))
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for _, directory := range changed {
		if err := sync(directory); err != nil {
			return err
		}
	}
	return nil
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
