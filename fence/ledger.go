package fence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	marksName = "marks"
	freshName = "marks.new" // a file of marks that is not complete yet
	// spareRecords lets a small ledger grow to 256 KiB before it is rewritten.
	spareRecords = 4096
)

// ledger keeps marks in a directory. It is used by one goroutine at a time, and not again
// after an error that wraps ErrBroken.
type ledger struct {
	disk      disk
	directory *os.File // locked for this process for as long as it is open
	file      *os.File // the file of marks
	sealed    int      // records that the file was made with
	records   int      // records that are synced, the sealed ones included
}

// disk is the steps of writing that can fail, so that a test can fail each of them.
type disk struct {
	writeAt func(file *os.File, data []byte, offset int64) (int, error)
	sync    func(file *os.File) error
	rename  func(from, to string) error
}

var operatingSystem = disk{(*os.File).WriteAt, (*os.File).Sync, os.Rename}

// openLedger makes the directory if it is missing, takes it for this process, and returns
// the marks found in it.
func openLedger(path string, disk disk) (*ledger, map[digest]Token, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, nil, err
	}
	directory, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	l := &ledger{disk: disk, directory: directory}
	marks, err := l.begin()
	if err != nil {
		directory.Close()
		return nil, nil, err
	}
	return l, marks, nil
}

func (l *ledger) begin() (map[digest]Token, error) {
	if err := lockExclusively(l.directory); err != nil {
		return nil, err
	}
	marks, err := l.read()
	if errors.Is(err, fs.ErrNotExist) {
		// The first opening, or one that a crash cut short: only now can the directory
		// itself be missing from its parent on disk.
		if err := l.syncParent(); err != nil {
			return nil, err
		}
		marks = make(map[digest]Token)
	} else if err != nil {
		return nil, err
	}
	// What was read may be in the page cache alone, and after a sync that failed the kernel
	// holds such pages for clean: syncing again would write nothing. So write it anew.
	return marks, l.rewrite(marks)
}

// append makes the mark durable. An error that does not wrap ErrBroken leaves the ledger as
// it was, and it may be used again.
func (l *ledger) append(mark mark) error {
	if l.records >= 2*l.sealed+spareRecords {
		if err := l.compact(); err != nil {
			return err
		}
	}
	// At a fixed place, so that the remains of a write that failed (the disk was full) are
	// written over by the next.
	ordinal := l.records + 1
	if _, err := l.disk.writeAt(l.file, encodeRecord(ordinal, mark), int64(ordinal)*recordSize); err != nil {
		return fmt.Errorf("fence: write mark: %w", err)
	}
	if err := l.sync(l.file); err != nil {
		return err
	}
	l.records = ordinal
	return nil
}

// compact leaves one record for each resource. It reads the file rather than memory, so rot
// in it is found while the process still runs.
func (l *ledger) compact() error {
	marks, err := l.read()
	if err != nil {
		return err
	}
	return l.rewrite(marks)
}

// read returns the marks in the file of marks.
func (l *ledger) read() (map[digest]Token, error) {
	path := l.path(marksName)
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	marks, err := decodeFile(content)
	if damage, ok := errors.AsType[*DamageError](err); ok {
		damage.File = path
	}
	return marks, err
}

// rewrite replaces the file of marks by a complete and synced one, so that a crash at any
// step leaves either the old one or the new.
func (l *ledger) rewrite(marks map[digest]Token) error {
	fresh, err := os.OpenFile(l.path(freshName), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := l.fill(fresh, marks); err != nil {
		fresh.Close()
		return err
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.sealed, l.records = fresh, len(marks), len(marks)
	return nil
}

// fill writes the marks into the fresh file and puts it into its place.
func (l *ledger) fill(fresh *os.File, marks map[digest]Token) error {
	if _, err := l.disk.writeAt(fresh, encodeFile(marks), 0); err != nil {
		return fmt.Errorf("fence: write marks: %w", err)
	}
	if err := l.sync(fresh); err != nil {
		return err
	}
	if err := l.disk.rename(l.path(freshName), l.path(marksName)); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return l.sync(l.directory)
}

func (l *ledger) syncParent() error {
	parent, err := os.Open(filepath.Join(l.directory.Name(), ".."))
	if err != nil {
		return err
	}
	defer parent.Close()
	return l.sync(parent)
}

func (l *ledger) sync(file *os.File) error {
	if err := l.disk.sync(file); err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return nil
}

func (l *ledger) path(name string) string { return filepath.Join(l.directory.Name(), name) }

// close lets go of the directory.
func (l *ledger) close() error {
	return errors.Join(l.file.Close(), l.directory.Close())
}
