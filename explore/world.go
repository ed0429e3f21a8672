package explore

// world is a state of the whole cluster: its members, what is under way between them, and what must not be contradicted, all by
// their numbers in the catalogue.
type world struct {
	members []uint32
	history uint32
	spent   spent
	network []uint32 // messages under way, in no order that matters; a message may be there twice
}

// words is a world in a row, as the frontier keeps it.
func (w *world) words(dst []uint32) []uint32 {
	s := w.spent
	dst = append(dst, w.members...)
	dst = append(dst, w.history, uint32(s.proposals)|uint32(s.duplicates)<<8|uint32(s.crashes)<<16|uint32(s.timeouts)<<24, uint32(s.changes), uint32(len(w.network)))
	return append(dst, w.network...)
}

// read takes the next world from a row of them, and returns what stands behind it.
func (w *world) read(nodes int, row []uint32) []uint32 {
	w.members, row = row[:nodes:nodes], row[nodes:]
	w.history = row[0]
	w.spent = spent{proposals: uint8(row[1]), duplicates: uint8(row[1] >> 8), crashes: uint8(row[1] >> 16), timeouts: uint8(row[1] >> 24), changes: uint8(row[2])}
	under := row[3]
	w.network, row = row[4:4+under:4+under], row[4+under:]
	return row
}

// print is the fingerprint of a world: the same for two worlds that differ only in who is who. It adds up what the parts look like, under
// the renaming for which the sum is lowest.
func (c *catalogue) print(w *world, b *Bounds) uint64 {
	lowest := ^uint64(0)
	for name := range c.names {
		sum := c.histories.prints[w.history][name]
		for _, m := range w.members {
			sum += c.members.prints[m][name]
		}
		for _, m := range w.network {
			sum += scramble(c.messages.prints[m][name] + c.current(w, m))
		}
		lowest = min(lowest, sum)
	}
	return scramble(lowest + w.spent.print(b))
}

// current is 1 for a message of the trial election that is under way, and 0 for one of an earlier election. It is all that the numbers of these elections are for.
func (c *catalogue) current(w *world, message uint32) uint64 {
	candidate, attempt := poll(c.messages.things[message])
	if candidate != 0 && c.members.things[w.members[candidate-1]].node.Attempt() == attempt {
		return 1
	}
	return 0
}

// print tells how much is spent of bounds that can be reached. What can't run out within the depth makes no difference.
func (s spent) print(b *Bounds) uint64 {
	sum := uint64(0)
	for _, one := range [...]struct {
		spent uint8
		bound int
	}{{s.proposals, b.Proposals}, {s.changes, b.Changes}, {s.duplicates, b.Duplicates}, {s.crashes, b.Crashes}, {s.timeouts, b.Timeouts}} {
		sum <<= 8
		if one.bound < b.Depth {
			sum |= uint64(one.spent)
		}
	}
	return sum
}

// after counts an action.
func (s spent) after(k kind) spent {
	switch k {
	case repeat:
		s.duplicates++
	case timeout, silence:
		s.timeouts++
	case propose:
		s.proposals++
	case change:
		s.changes++
	case crash:
		s.crashes++
	}
	return s
}

// scramble spreads every bit over all of them (the finalizer of SplitMix64), so that sums of such numbers tell their parts apart.
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
