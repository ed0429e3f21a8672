package disk

import (
	"math/rand/v2"
	"slices"
)

// FailWrite makes a write fail: the first one from now on is number 1. A process that ends before takes the failure with it.
func (d *Disk) FailWrite(number int) { d.failWrite = number }

// FailSync makes a sync fail, of a file or the directory, as FailWrite does a write.
func (d *Disk) FailSync(number int) { d.failSync = number }

// Misdirect makes the drive put one of the next writes that change something to another place of its file, when that is
// synced. The sync succeeds, and reads see what they should until power is lost: only the platter is wrong, in both places.
// The source says which write goes where.
func (d *Disk) Misdirect(source *rand.Rand) { d.misdirect = source }

// Astray names the files of which a write has gone to another place, oldest first.
func (d *Disk) Astray() []string { return d.astray }

// Relent takes back what was asked for and has not come about: halts, failures, a misdirected write, the limit.
func (d *Disk) Relent() {
	d.capacity = 0
	d.spare()
}

// spare takes back what a process was to suffer.
func (d *Disk) spare() {
	d.haltAt, d.haltAtTear, d.haltAtName, d.failAt, d.failWrite, d.failSync, d.misdirect = 0, false, false, 0, 0, 0, nil
}

// misdirects brings a file to the platter with one write in a wrong place, if that was asked for and there is such a place.
func (d *Disk) misdirects(name string, c *content) bool {
	if d.misdirect == nil {
		return false
	}
	places := int64(len(c.cache)) / SectorSize
	for _, sectors := range c.unsynced() {
		if spare := places - int64(len(sectors)); spare > 0 && c.differs(sectors[0]) {
			c.putElsewhere(sectors, d.misdirect.Int64N(spare))
			d.misdirect, d.astray = nil, append(d.astray, name)
			return true
		}
	}
	return false
}

// putElsewhere brings everything to the platter where it belongs, but for one write. Of the places where that one might
// begin, in order and without the right one, it goes to the one chosen.
func (c *content) putElsewhere(sectors []int64, chosen int64) {
	c.lengthen()
	astray := make(map[int64]bool, len(sectors))
	for _, sector := range sectors {
		astray[sector] = true
	}
	for _, sector := range c.dirty {
		if !astray[sector] {
			c.persist(sector)
		}
	}
	if chosen >= sectors[0] {
		chosen++
	}
	for i, sector := range sectors {
		c.persistAt(sector, chosen+int64(i))
	}
}

// FlipBit turns one bit of a file over, counted from its beginning.
func (d *Disk) FlipBit(name string, bit int64) {
	c := d.names[name]
	c.rot(bit/8, func(b []byte) { b[0] ^= 1 << (bit % 8) })
	if at := slices.Index(c.flips, bit); at >= 0 {
		c.flips = slices.Delete(c.flips, at, at+1) // back again
	} else {
		c.flips = append(c.flips, bit)
	}
}

// Rotten tells whether a file has a bit that has turned over and was not written over since.
func (d *Disk) Rotten(name string) bool { return d.names[name] != nil && len(d.names[name].flips) > 0 }

// Blank makes one sector of a file read as zeros, as if it had never been written.
func (d *Disk) Blank(name string, sector int64) {
	d.names[name].rot(sector*SectorSize, func(b []byte) { clear(b[:min(SectorSize, len(b))]) })
}

// Wipe ends the process, and puts an empty disk in this one's place.
func (d *Disk) Wipe() {
	d.Kill()
	d.names, d.stable, d.changes, d.astray = map[string]*content{}, map[string]*content{}, nil, nil
}
