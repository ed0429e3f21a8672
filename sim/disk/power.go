package disk

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Harm says what a loss of power may do to what was not synced. What it may not do does not happen: without any harm,
// all of it is there.
type Harm struct {
	Lost   bool // a write may be gone, and a file that grew may have its old length
	Torn   bool // of a write some sectors may be gone, and some not
	Undone bool // changes of the directory may be gone
}

// AllHarm is what disks do.
var AllHarm = Harm{Lost: true, Torn: true, Undone: true}

// Toll is what a loss of power took. What makes no difference does not count: zeros that were written over zeros may go.
type Toll struct {
	Sectors int // that do not have what was last written
	Torn    int // writes of which some sectors are there and some are not
	Names   int // of the directory that are not as the process had left them
}

// Crash ends the process by a loss of power that may do any harm.
func (d *Disk) Crash() { d.LosePower(AllHarm) }

// LosePower ends the process by a loss of power.
func (d *Disk) LosePower(may Harm) (toll Toll) {
	d.Kill()
	for _, change := range d.changes {
		if !may.Undone || d.chance() {
			change.apply(d.stable)
		}
	}
	if len(d.changes) > 0 {
		toll.Names = difference(d.names, d.stable)
	}
	d.changes = nil
	for _, name := range slices.Sorted(maps.Keys(d.stable)) {
		d.stable[name].crash(may, d.random, &toll)
	}
	d.names = maps.Clone(d.stable)
	return toll
}

// difference counts the names that do not stand for the same file in both tables.
func difference(a, b map[string]*content) (count int) {
	for name, file := range a {
		if b[name] != file {
			count++
		}
	}
	for name := range b {
		if a[name] == nil {
			count++
		}
	}
	return count
}

// crash leaves of the file what the platter has.
func (c *content) crash(may Harm, random *rand.Rand, toll *Toll) {
	if len(c.cache) > len(c.stable) && !(may.Lost && random.IntN(2) == 0) {
		c.lengthen()
	}
	for _, sectors := range c.unsynced() {
		kept := may.survivors(len(sectors), random)
		if !may.Torn && c.tooShort(sectors) {
			clear(kept)
		}
		c.keep(sectors, kept, toll)
	}
	c.clean()
	c.cache = append(c.cache[:0], c.stable...)
	c.writer = c.writer[:(len(c.cache)+SectorSize-1)/SectorSize]
}

// tooShort tells whether the platter's file ends before a write does.
func (c *content) tooShort(sectors []int64) bool {
	end := min((slices.Max(sectors)+1)*SectorSize, int64(len(c.cache)))
	return end > int64(len(c.stable))
}

// survivors draws which of the sectors of one write are on the platter: all, none, or any.
func (may Harm) survivors(sectors int, random *rand.Rand) []bool {
	kept := make([]bool, sectors)
	torn := may.Torn && sectors > 1
	switch fate := random.IntN(4); {
	case may.Lost && (fate == 0 || fate == 1 && !torn):
	case torn && (fate == 1 || fate == 2):
		for i := range kept {
			kept[i] = random.IntN(2) == 0
		}
		if one := random.IntN(sectors); !slices.Contains(kept, !kept[0]) {
			kept[one] = !kept[one]
		}
	default:
		for i := range kept {
			kept[i] = true
		}
	}
	return kept
}

// keep brings the sectors of one write that are kept to the platter, and counts what the others are worth.
func (c *content) keep(sectors []int64, kept []bool, toll *Toll) {
	there, gone := 0, 0
	for i, sector := range sectors {
		differs := c.differs(sector)
		switch {
		case kept[i]:
			c.persist(sector)
			if differs {
				there++
			}
		case differs:
			gone++
		}
	}
	toll.Sectors += gone
	if there > 0 && gone > 0 {
		toll.Torn++
	}
}
