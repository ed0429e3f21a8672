package schedule

import (
	"math/rand/v2"
	"slices"
)

// Where a failure is a coincidence, what is taken away makes another run of all that comes after, and that fails or does not, whether little
// was taken or much. To go through the faults in order then takes one fault away for many runs. A bet takes a drawn part of all
// faults away, and may be laid again and again, as each draw is another run.

// sixteenths are the parts of which some go.
const sixteenths = 16

// bet is a sort of draw. Which sort pays shows only when it is tried.
type bet struct {
	draw  func(faults []Strike, gone int, coin *rand.Rand) []Strike // what is left when so many of sixteen parts go
	gone  int
	worth int // of what is won: the more goes, the more it is
	won   int
	lost  int
}

// everyBet lists the bets, none of them laid.
func everyBet() (bets []bet) {
	for _, draw := range []func([]Strike, int, *rand.Rand) []Strike{window, singles, kinds, places} {
		for worth, gone := range []int{1, 2, 4, 8, 12, 14, 15} {
			bets = append(bets, bet{draw: draw, gone: gone, worth: worth + 1})
		}
	}
	return bets
}

// promising is the bet that has paid most, or may: each begins as if it had won once.
func (x *search) promising() *bet {
	best := &x.bets[0]
	for i := range x.bets {
		b := &x.bets[i]
		if (b.won+1)*b.worth*(best.won+best.lost+1) > (best.won+1)*best.worth*(b.won+b.lost+1) {
			best = b
		}
	}
	return best
}

// Few faults are as good as none: nobody needs fewer to understand a run.
const few = 3

// patience is how many bets are laid in vain, at least.
const patience = 16

// wager lays bets until so many in a row are lost that to try each fault by itself takes little longer.
func (x *search) wager() {
	for lost := 0; lost < patience+len(x.smallest.Faults)/2 && len(x.smallest.Faults) > few && !x.ended; lost++ {
		b := x.promising()
		if x.try(x.with(x.stays(b))) {
			b.won++
			lost = 0
		} else {
			b.lost++
		}
	}
}

// stays draws what a bet leaves.
func (x *search) stays(b *bet) []Strike {
	return b.draw(x.smallest.Faults, b.gone, rand.New(rand.NewPCG(x.smallest.Seed, uint64(x.runs))))
}

// window takes away what comes one after the other. What comes before is the same run still, so of all draws this one changes least.
func window(faults []Strike, gone int, coin *rand.Rand) []Strike {
	size := max(1, len(faults)*gone/sixteenths)
	from := coin.IntN(len(faults) - size + 1)
	return slices.Delete(slices.Clone(faults), from, from+size)
}

// singles takes away each fault or leaves it.
func singles(faults []Strike, gone int, coin *rand.Rand) []Strike {
	return slices.DeleteFunc(slices.Clone(faults), func(Strike) bool { return coin.IntN(sixteenths) < gone })
}

func kinds(faults []Strike, gone int, coin *rand.Rand) []Strike {
	return together(faults, Strike.kind, gone, coin)
}

func places(faults []Strike, gone int, coin *rand.Rand) []Strike {
	return together(faults, Strike.where, gone, coin)
}

// together takes away, or leaves, all that have one name in some way.
func together(faults []Strike, name func(Strike) string, gone int, coin *rand.Rand) []Strike {
	goes := map[string]bool{}
	for _, strike := range faults {
		if _, drawn := goes[name(strike)]; !drawn {
			goes[name(strike)] = coin.IntN(sixteenths) < gone
		}
	}
	return slices.DeleteFunc(slices.Clone(faults), func(s Strike) bool { return goes[name(s)] })
}
