package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"lockd/sim"
)

// itinerary is which worlds a campaign visits. Which world a seed is depends on the seed and the lists alone, not on where the
// campaign began, nor on how it is shared out.
type itinerary struct {
	shape
	profiles, nodeCounts string // as they were given
	seeds, from          uint64
	shard                string

	shapes        []shape // taken in turn
	first, stride uint64
}

func (i *itinerary) flags(flags *pflag.FlagSet) {
	// Not lists of the flag package's: these replace what an earlier flag said, instead of adding to it.
	flags.StringVar(&i.profiles, "profile", sim.Profiles()[0].Name, "the sort of world; several, with commas, are taken in turn")
	flags.StringVar(&i.nodeCounts, "nodes", "", "servers, 1 to 9; several, with commas, are taken in turn (default: the profile's)")
	i.sizeFlags(flags)
	flags.Uint64Var(&i.seeds, "seeds", 100, "how many worlds, all shards together")
	flags.Uint64Var(&i.from, "from", 1, "the first seed; 0x... is hexadecimal")
	flags.StringVar(&i.shard, "shard", "1/1", "do this part of the seeds, as 2/4")
}

// plan reads what was given, and says what is wrong with it.
func (i *itinerary) plan() error {
	if i.seeds < 1 {
		return fmt.Errorf("--seeds is at least 1")
	}
	if err := i.planShard(); err != nil {
		return err
	}
	i.shapes = nil
	for _, nodes := range strings.Split(i.nodeCounts, ",") {
		s := i.shape
		if nodes != "" {
			count, err := strconv.Atoi(nodes)
			if err != nil || count < 1 {
				return fmt.Errorf("--nodes is 1 to 9, not %q", nodes)
			}
			s.nodes = count
		}
		for _, s.profile = range strings.Split(i.profiles, ",") {
			if _, err := s.world(0); err != nil {
				return err
			}
			i.shapes = append(i.shapes, s)
		}
	}
	return nil
}

func (i *itinerary) planShard() error {
	part, of, found := strings.Cut(i.shard, "/")
	number, err := strconv.ParseUint(part, 10, 32)
	count, err2 := strconv.ParseUint(of, 10, 32)
	if !found || err != nil || err2 != nil || number < 1 || number > count {
		return fmt.Errorf("--shard is a part of all, such as 2/4, not %q", i.shard)
	}
	i.first, i.stride = number-1, count
	return nil
}

// count is how many worlds are to be visited.
func (i *itinerary) count() uint64 {
	return (i.seeds - min(i.seeds, i.first) + i.stride - 1) / i.stride
}

// seed is the n-th one, from 0. Seeds go on at zero when they overflow.
func (i *itinerary) seed(n uint64) uint64 { return i.from + i.first + n*i.stride }

// worldOf is the world of a seed.
func (i *itinerary) worldOf(seed uint64) sim.Config {
	world, err := i.shapes[seed%uint64(len(i.shapes))].world(seed)
	if err != nil {
		panic(fmt.Sprintf("the itinerary was planned, and yet: %v", err))
	}
	return world
}
