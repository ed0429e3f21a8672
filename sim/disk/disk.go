package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"

	"lockd/wal"
)

// ErrFault is what every FaultError wraps.
var ErrFault = errors.New("injected disk error")

// FaultError is the error of an operation that FailAt, FailWrite or FailSync chose.
type FaultError struct {
	Operation string // such as "write" or "sync"
	Name      string // of the file
}

func (e *FaultError) Error() string { return fmt.Sprintf("%s %s: %v", e.Operation, e.Name, ErrFault) }

// Unwrap returns ErrFault.
func (e *FaultError) Unwrap() error { return ErrFault }

// ErrHalted is the error of everything a process tries after HaltAt, Kill or Crash.
var ErrHalted = errors.New("process has ended")

// Disk is one flat directory. It implements wal.FS.
type Disk struct {
	random *rand.Rand

	names  map[string]*content // as the running process sees them
	stable map[string]*content // as they are on the platter
	// changes are those of names that stable has not seen, oldest first.
	changes []change
	gone    []*content // files that were removed for good, and that nobody has open

	process  int  // counts Kill and Crash: what an earlier process opened is closed
	locked   bool // by the running process
	capacity int64

	created    uint64
	operations int
	failAt     int // zero: never
	haltAt     int // zero: never
	haltAtTear bool
	haltAtName bool
	failWrite  int        // which write from now on fails; zero: none
	failSync   int        // which sync
	misdirect  *rand.Rand // draws which write goes where; nil: each goes where it should
	astray     []string   // files of which a write did not
}

// change is one change of the directory: of a create the old name is empty, of a remove
// the new one.
type change struct {
	from, to string
	file     *content
}

// New returns an empty disk without a limit. The source must be the disk's own.
func New(random *rand.Rand) *Disk {
	return &Disk{random: random, names: map[string]*content{}, stable: map[string]*content{}}
}

// Operations returns how many operations were begun that change or sync something.
func (d *Disk) Operations() int { return d.operations }

// FailAt makes the operation of that number (the first is 1) fail with ErrFault.
func (d *Disk) FailAt(operation int) { d.failAt = operation }

// HaltAt lets nothing happen from the operation of that number on, as if the process had
// ended just before it. Kill or Crash follows.
func (d *Disk) HaltAt(operation int) { d.haltAt = operation }

// HaltAtTear is as HaltAt, before the first sync of a write that changes several sectors: a loss of power may tear it.
func (d *Disk) HaltAtTear() { d.haltAtTear = true }

// HaltAtName is as HaltAt, before the first sync of a directory that has changed: a loss of power may undo the changes.
func (d *Disk) HaltAtName() { d.haltAtName = true }

// SetCapacity limits the bytes in all files together; zero: no limit.
func (d *Disk) SetCapacity(bytes int64) { d.capacity = bytes }

// Used returns the bytes in all files together.
func (d *Disk) Used() int64 {
	var used int64
	for _, file := range d.names {
		used += int64(len(file.cache))
	}
	return used
}

// Kill ends the process. Whatever it wrote can still be read, synced or not.
func (d *Disk) Kill() {
	d.process++
	d.locked = false
	d.spare()
}

func (d *Disk) chance() bool { return d.random.IntN(2) == 0 }

// apply makes the change, as far as the table still has what it speaks of.
func (c change) apply(names map[string]*content) {
	if c.from != "" && names[c.from] == c.file {
		delete(names, c.from)
	}
	if c.to != "" {
		names[c.to] = c.file
	}
}

// begin counts an operation and returns its error, if it is to have one.
func (d *Disk) begin(operation, name string) error {
	d.operations++
	if d.haltAt != 0 && d.operations >= d.haltAt {
		return fmt.Errorf("%s %s: %w", operation, name, ErrHalted)
	}
	if d.fails(operation) || d.operations == d.failAt {
		return &FaultError{operation, name}
	}
	return nil
}

// fails counts a write or a sync, and tells whether it is the one that was chosen to fail.
func (d *Disk) fails(operation string) bool {
	left := &d.failWrite
	switch operation {
	case "write":
	case "sync":
		left = &d.failSync
	default:
		return false
	}
	if *left == 0 {
		return false
	}
	*left--
	return *left == 0
}

func (d *Disk) alter(c change) {
	c.apply(d.names)
	d.changes = append(d.changes, c)
}

// Lock implements wal.FS.
func (d *Disk) Lock() (io.Closer, error) {
	if d.locked {
		return nil, fmt.Errorf("simulated disk: %w", wal.ErrInUse)
	}
	d.locked = true
	return &lock{disk: d, process: d.process}, nil
}

type lock struct {
	disk    *Disk
	process int
}

func (l *lock) Close() error {
	if l.process == l.disk.process {
		l.disk.locked = false
	}
	return nil
}

// List implements wal.FS.
func (d *Disk) List() ([]string, error) { return slices.Sorted(maps.Keys(d.names)), nil }

// Create implements wal.FS.
func (d *Disk) Create(name string) (wal.File, error) {
	if err := d.begin("create", name); err != nil {
		return nil, err
	}
	if d.names[name] != nil {
		return nil, fmt.Errorf("create %s: %w", name, fs.ErrExist)
	}
	d.alter(change{to: name, file: d.blank()})
	return d.Open(name)
}

// Open implements wal.FS.
func (d *Disk) Open(name string) (wal.File, error) {
	file := d.names[name]
	if file == nil {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	file.open++
	return &handle{disk: d, process: d.process, name: name, file: file}, nil
}

// Rename implements wal.FS.
func (d *Disk) Rename(from, to string) error {
	if err := d.begin("rename", from); err != nil {
		return err
	}
	file := d.names[from]
	if file == nil {
		return fmt.Errorf("rename %s: %w", from, fs.ErrNotExist)
	}
	d.alter(change{from: from, to: to, file: file})
	return nil
}

// Remove implements wal.FS.
func (d *Disk) Remove(name string) error {
	if err := d.begin("remove", name); err != nil {
		return err
	}
	file := d.names[name]
	if file == nil {
		return fmt.Errorf("remove %s: %w", name, fs.ErrNotExist)
	}
	d.alter(change{from: name, file: file})
	return nil
}

// SyncDir implements wal.FS.
func (d *Disk) SyncDir() error {
	if d.haltAtName && len(d.changes) > 0 {
		d.haltAt, d.haltAtName = d.operations+1, false
	}
	if err := d.begin("sync", "directory"); err != nil {
		return err
	}
	for _, c := range d.changes {
		c.apply(d.stable)
		if c.to == "" && c.file.open == 0 {
			d.gone = append(d.gone, c.file)
		}
	}
	d.changes = d.changes[:0]
	return nil
}

// blank is an empty file: logs and snapshots come and go all the time, and their memory is taken over.
func (d *Disk) blank() *content {
	d.created++
	last := len(d.gone) - 1
	if last < 0 {
		return &content{number: d.created}
	}
	c := d.gone[last]
	d.gone = d.gone[:last]
	*c = content{number: d.created, cache: c.cache[:0], stable: c.stable[:0], dirty: c.dirty[:0], writer: c.writer[:0]}
	return c
}

// Number tells files of one name apart: each has its own. Zero: there is none of that name.
func (d *Disk) Number(name string) uint64 {
	if file := d.names[name]; file != nil {
		return file.number
	}
	return 0
}

// Size returns the length of a file in bytes; zero if there is none.
func (d *Disk) Size(name string) int64 {
	if file := d.names[name]; file != nil {
		return int64(len(file.cache))
	}
	return 0
}
