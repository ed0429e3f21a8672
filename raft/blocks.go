package raft

import "slices"

// blockSize is how many entries an array of blocks holds.
const blockSize = 1024

// blocks are consecutive entries in arrays that end where an index is divisible by blockSize. In one array they would have to be copied
// whenever it is full, all hundred thousand of them, while the node does nothing else; and so they would when the oldest are let go.
//
// Invariants: entries first..next-1 are there; an array is full but for the first, which may lack its beginning, and the last; an entry
// is never overwritten in place, because messages and records share the arrays.
type blocks struct {
	first, next Index
	arrays      [][]Entry
}

func blocksFrom(first Index, entries []Entry) blocks {
	b := blocks{first: first, next: first}
	b.append(entries)
	return b
}

// place is where the entry at index is, or would be.
func (b *blocks) place(index Index) (array, at int) {
	array = int(index/blockSize - b.first/blockSize)
	if array == 0 {
		return 0, int(index - b.first)
	}
	return array, int(index % blockSize)
}

// at is the entry at index, which must be there.
func (b *blocks) at(index Index) *Entry {
	array, at := b.place(index)
	return &b.arrays[array][at]
}

// slice hands out entries from..to, which must be there: a part of an array, or a copy when they are of several.
func (b *blocks) slice(from, to Index) []Entry {
	low, begin := b.place(from)
	high, last := b.place(to)
	if low == high {
		return b.arrays[low][begin : last+1 : last+1]
	}
	all := make([]Entry, 0, to-from+1)
	all = append(all, b.arrays[low][begin:]...)
	for _, whole := range b.arrays[low+1 : high] {
		all = append(all, whole...)
	}
	return append(all, b.arrays[high][:last+1]...)
}

// append adds entries at next. The array of a short log grows with it.
func (b *blocks) append(entries []Entry) {
	for len(entries) > 0 {
		array, _ := b.place(b.next)
		if array == len(b.arrays) {
			var fresh []Entry
			if array > 0 {
				fresh = make([]Entry, 0, blockSize)
			}
			b.arrays = append(b.arrays, fresh)
		}
		n := min(len(entries), blockSize-int(b.next%blockSize))
		b.arrays[array] = append(b.arrays[array], entries[:n]...)
		b.next += Index(n)
		entries = entries[n:]
	}
}

// cut removes the entry at index and all behind it. What comes there next goes into another array.
func (b *blocks) cut(index Index) {
	if index == b.next {
		return
	}
	array, at := b.place(index)
	b.arrays = slices.Clip(b.arrays[:array+1])
	b.arrays[array] = slices.Clip(b.arrays[array][:at])
	b.next = index
}

// release lets go of the entries before index.
func (b *blocks) release(index Index) {
	array, at := b.place(index)
	if array == len(b.arrays) {
		*b = blocks{first: index, next: index}
		return
	}
	b.arrays = slices.Clone(b.arrays[array:])
	b.arrays[0] = slices.Clone(b.arrays[0][at:])
	b.first = index
}

// clone is a copy that can be appended to: its entries are shared, and new ones go into arrays of its own.
func (b *blocks) clone() blocks {
	c := *b
	c.arrays = slices.Clone(b.arrays)
	if last := len(c.arrays) - 1; last >= 0 {
		c.arrays[last] = slices.Clip(c.arrays[last])
	}
	return c
}
