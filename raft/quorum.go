package raft

import (
	"cmp"
	"slices"
)

// majority is the number of members that make a quorum of size members.
func majority(size int) int { return size/2 + 1 }

// reached is the highest value that a majority of the members has reached. It sorts values in
// place: there are a handful of them, and an insertion sort of a handful needs no allocation.
func reached[T cmp.Ordered](values []T) T {
	for i := 1; i < len(values); i++ {
		for j := i; j > 0 && values[j] > values[j-1]; j-- {
			values[j], values[j-1] = values[j-1], values[j]
		}
	}
	return values[majority(len(values))-1]
}

// ballot counts the answers of one election or of its trial run, by voter: a repeated answer counts once.
type ballot struct {
	granted, refused []ID
}

func (b *ballot) count(voter ID, granted bool) {
	switch {
	case slices.Contains(b.granted, voter), slices.Contains(b.refused, voter):
	case granted:
		b.granted = append(b.granted, voter)
	default:
		b.refused = append(b.refused, voter)
	}
}

func (b *ballot) won(size int) bool  { return len(b.granted) >= majority(size) }
func (b *ballot) lost(size int) bool { return len(b.refused) > size-majority(size) }
