package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"lockd/wal"
)

// SectorSize is what the disk writes wholly or not at all, in bytes.
const SectorSize = 512

// content is a file without its name.
type content struct {
	number uint64 // of the file: no other has it
	cache  []byte // what reads see
	stable []byte // what is on the platter; never longer than cache
	// dirty are the sectors written since the last sync, in the order of the first write.
	dirty  []int64
	writer []uint32 // by sector: which write made it what it is, counted since the last sync; zero: it is not dirty
	writes uint32   // since the last sync
	flips  []int64  // the bits that have turned over, in the order in which they did, and were not written over since
	open   int      // handles that were not closed; those of a process that has ended stay
}

// grow makes what reads see at least that long.
func (c *content) grow(size int64) {
	if missing := size - int64(len(c.cache)); missing > 0 {
		c.cache = append(c.cache, make([]byte, missing)...)
	}
	sectors := (len(c.cache) + SectorSize - 1) / SectorSize
	c.writer = append(c.writer, make([]uint32, sectors-len(c.writer))...)
}

// write changes what reads see. A sector that was dirty already may have been written
// back in between, as the system does when it likes.
func (c *content) write(data []byte, offset int64, writtenBack func() bool) {
	if len(data) == 0 {
		return
	}
	c.grow(offset + int64(len(data)))
	c.writes++
	if len(c.flips) > 0 {
		c.flips = slices.DeleteFunc(c.flips, func(bit int64) bool { return bit/8 >= offset && bit/8 < offset+int64(len(data)) })
	}
	for sector := offset / SectorSize; sector*SectorSize < offset+int64(len(data)); sector++ {
		switch {
		case c.writer[sector] == 0:
			c.dirty = append(c.dirty, sector)
		case sector*SectorSize < int64(len(c.stable)) && writtenBack():
			c.persist(sector)
		}
		c.writer[sector] = c.writes
	}
	copy(c.cache[offset:], data)
}

// persist brings one sector to the platter, if the platter's file is long enough to have it.
func (c *content) persist(sector int64) { c.persistAt(sector, sector) }

// persistAt brings one sector to a place of the platter that may be another one's.
func (c *content) persistAt(sector, place int64) {
	from := min(place*SectorSize, int64(len(c.stable)))
	to := min(from+SectorSize, int64(len(c.stable)))
	copy(c.stable[from:to], c.cache[sector*SectorSize:])
}

// lengthen makes the platter's file as long as the one that reads see.
func (c *content) lengthen() {
	if missing := len(c.cache) - len(c.stable); missing > 0 {
		c.stable = append(c.stable, make([]byte, missing)...)
	}
}

// settle makes the sectors that are chosen durable and forgets that any were dirty.
func (c *content) settle(longer bool, chosen func() bool) {
	if longer {
		c.lengthen()
	}
	for _, sector := range c.dirty {
		if chosen() {
			c.persist(sector)
		}
	}
	c.clean()
}

// clean forgets that any sector was dirty.
func (c *content) clean() {
	for _, sector := range c.dirty {
		c.writer[sector] = 0
	}
	c.dirty, c.writes = c.dirty[:0], 0
}

// differs tells whether the platter has something else in a sector than reads see.
func (c *content) differs(sector int64) bool {
	from := sector * SectorSize
	to := min(from+SectorSize, int64(len(c.cache)))
	return to > int64(len(c.stable)) || !bytes.Equal(c.cache[from:to], c.stable[from:to])
}

// unsynced returns the dirty sectors of each write, as far as no later one has written over them.
func (c *content) unsynced() [][]int64 {
	writes := make([][]int64, c.writes)
	for _, sector := range c.dirty {
		at := c.writer[sector] - 1
		writes[at] = append(writes[at], sector)
	}
	return slices.DeleteFunc(writes, func(sectors []int64) bool { return len(sectors) == 0 })
}

// tearable tells whether some write changed several sectors and was not synced.
func (c *content) tearable() bool {
	return slices.ContainsFunc(c.unsynced(), func(sectors []int64) bool {
		return len(slices.DeleteFunc(sectors, func(sector int64) bool { return !c.differs(sector) })) > 1
	})
}

// uncache takes the sectors of a range that are not dirty from the platter.
func (c *content) uncache(offset, length int64) {
	end := min(offset+length, int64(len(c.stable)))
	for sector := offset / SectorSize; sector*SectorSize < end; sector++ {
		if c.writer[sector] == 0 {
			copy(c.cache[sector*SectorSize:min((sector+1)*SectorSize, int64(len(c.stable)))], c.stable[sector*SectorSize:])
		}
	}
}

// rot changes what is read and what is on the platter from an offset on.
func (c *content) rot(offset int64, change func([]byte)) {
	change(c.cache[offset:])
	if offset < int64(len(c.stable)) {
		change(c.stable[offset:])
	}
}

// handle is a content that a process has opened.
type handle struct {
	disk    *Disk
	process int
	name    string
	file    *content
	closed  bool
}

func (h *handle) usable() error {
	switch {
	case h.process != h.disk.process:
		return fmt.Errorf("%s: %w", h.name, ErrHalted)
	case h.closed:
		return fmt.Errorf("%s: %w", h.name, fs.ErrClosed)
	}
	return nil
}

func (h *handle) begin(operation string) error {
	if err := h.usable(); err != nil {
		return err
	}
	return h.disk.begin(operation, h.name)
}

func (h *handle) ReadAt(into []byte, offset int64) (int, error) {
	if err := h.usable(); err != nil {
		return 0, err
	}
	if offset >= int64(len(h.file.cache)) {
		return 0, io.EOF
	}
	n := copy(into, h.file.cache[offset:])
	if n < len(into) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(data []byte, offset int64) (int, error) {
	err := h.begin("write")
	if err == nil {
		err = h.disk.room(offset + int64(len(data)) - int64(len(h.file.cache)))
	}
	n := len(data)
	switch {
	case errors.Is(err, ErrFault):
		n = h.disk.part(offset, n)
	case err != nil:
		n = 0
	}
	h.file.write(data[:n], offset, h.disk.chance)
	return n, err
}

// part returns how much of a write is done before it fails: up to some sector's border,
// since a system copies whole pages into its cache.
func (d *Disk) part(offset int64, length int) int {
	end := offset + int64(d.random.IntN(length+1))
	return int(max(0, end/SectorSize*SectorSize-offset))
}

// room returns ErrDiskFull if the files cannot grow by so many bytes.
func (d *Disk) room(bytes int64) error {
	if d.capacity != 0 && bytes > 0 && d.Used()+bytes > d.capacity {
		return wal.ErrDiskFull
	}
	return nil
}

func (h *handle) Size() (int64, error) { return int64(len(h.file.cache)), h.usable() }

func (h *handle) Allocate(size int64) error {
	if err := h.begin("allocate"); err != nil {
		return err
	}
	if err := h.disk.room(size - int64(len(h.file.cache))); err != nil {
		return fmt.Errorf("allocate %s: %w", h.name, err)
	}
	h.file.grow(size)
	return nil
}

// Uncache shows what is on the platter: where the drive put a write in a wrong place, or failed to keep what a sync that was
// reported as failed should have kept.
func (h *handle) Uncache(offset, length int64) error {
	if err := h.usable(); err != nil {
		return err
	}
	h.file.uncache(offset, length)
	return nil
}

func (h *handle) Sync() error {
	if h.disk.haltAtTear && h.file.tearable() {
		h.disk.haltAt, h.disk.haltAtTear = h.disk.operations+1, false
	}
	err := h.begin("sync")
	switch {
	case err == nil && h.disk.misdirects(h.name, h.file):
		h.file.clean()
	case err == nil:
		h.file.settle(true, func() bool { return true })
	case errors.Is(err, ErrFault):
		h.file.settle(h.disk.chance(), h.disk.chance)
	}
	return err
}

func (h *handle) Close() error {
	if err := h.usable(); err != nil {
		return err
	}
	h.closed = true
	h.file.open--
	return nil
}
