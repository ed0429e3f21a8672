package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"lockd/wal"
)

// SectorSize is what the disk writes wholly or not at all, in bytes.
const SectorSize = 512

// content is a file without its name.
type content struct {
	cache  []byte // what reads see
	stable []byte // what is on the platter; never longer than cache
	// dirty are the sectors written since the last sync, in the order of the first write.
	dirty   []int64
	isDirty []bool // by sector
}

// grow makes what reads see at least that long.
func (c *content) grow(size int64) {
	if missing := size - int64(len(c.cache)); missing > 0 {
		c.cache = append(c.cache, make([]byte, missing)...)
	}
	sectors := (len(c.cache) + SectorSize - 1) / SectorSize
	c.isDirty = append(c.isDirty, make([]bool, sectors-len(c.isDirty))...)
}

// write changes what reads see. A sector that was dirty already may have been written
// back in between, as the system does when it likes.
func (c *content) write(data []byte, offset int64, writtenBack func() bool) {
	if len(data) == 0 {
		return
	}
	c.grow(offset + int64(len(data)))
	for sector := offset / SectorSize; sector*SectorSize < offset+int64(len(data)); sector++ {
		switch {
		case !c.isDirty[sector]:
			c.isDirty[sector] = true
			c.dirty = append(c.dirty, sector)
		case sector*SectorSize < int64(len(c.stable)) && writtenBack():
			c.persist(sector)
		}
	}
	copy(c.cache[offset:], data)
}

// persist brings one sector to the platter, if the platter's file is long enough to have it.
func (c *content) persist(sector int64) {
	from := min(sector*SectorSize, int64(len(c.stable)))
	to := min(from+SectorSize, int64(len(c.stable)))
	copy(c.stable[from:to], c.cache[from:to])
}

// settle makes the sectors that are chosen durable and forgets that any were dirty.
func (c *content) settle(longer bool, chosen func() bool) {
	if missing := len(c.cache) - len(c.stable); longer && missing > 0 {
		c.stable = append(c.stable, make([]byte, missing)...)
	}
	for _, sector := range c.dirty {
		if chosen() {
			c.persist(sector)
		}
		c.isDirty[sector] = false
	}
	c.dirty = c.dirty[:0]
}

// crash leaves of the file what the platter has.
func (c *content) crash(chance func() bool) {
	longer := len(c.cache) > len(c.stable) && chance()
	c.settle(longer, chance)
	c.cache = append([]byte(nil), c.stable...)
	c.isDirty = make([]bool, (len(c.cache)+SectorSize-1)/SectorSize)
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

func (h *handle) Sync() error {
	err := h.begin("sync")
	switch {
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
	return nil
}
