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

// agreed is the highest value that a quorum has reached: a majority of the voters, and in a joint membership one of each half
// (thesis §4.3). Were one half enough, the old voters could choose one leader and the new ones another.
func (m *Membership) agreed(scratch []uint64, value func(ID) uint64) uint64 {
	agreed := agreedBy(m.Members, scratch, value)
	if m.joint() {
		agreed = min(agreed, agreedBy(m.Former, scratch, value))
	}
	return agreed
}

func agreedBy(voters []Member, scratch []uint64, value func(ID) uint64) uint64 {
	values := scratch[:0]
	for i := range voters {
		values = append(values, value(voters[i].ID))
	}
	return reached(values)
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

// won tells whether a quorum granted: a majority of the voters, and in a joint membership one of each half.
func (b *ballot) won(m *Membership) bool {
	return among(m.Members, b.granted) >= majority(len(m.Members)) &&
		(!m.joint() || among(m.Former, b.granted) >= majority(len(m.Former)))
}

// lost tells whether no quorum can grant any more.
func (b *ballot) lost(m *Membership) bool {
	return among(m.Members, b.refused) > len(m.Members)-majority(len(m.Members)) ||
		m.joint() && among(m.Former, b.refused) > len(m.Former)-majority(len(m.Former))
}

// among counts the voters that stand among some.
func among(voters []Member, some []ID) int {
	count := 0
	for i := range voters {
		if slices.Contains(some, voters[i].ID) {
			count++
		}
	}
	return count
}
