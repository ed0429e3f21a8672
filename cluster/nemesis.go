package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lockd/client"
	"lockd/schedule"
)

// Count is how often a fault came about, and how often it was seen to bite.
type Count struct{ Injected, Observed uint64 }

// nemesis carries a schedule out. Each fault has a goroutine, for as long as it lasts.
type nemesis struct {
	members []*Node
	crews   []*crew
	network *Network
	control *client.Client // past the proxies, for operators' requests
	throne  *throne

	mutex    sync.Mutex
	counts   [schedule.Faults]Count
	down     map[*Node]bool // members that a fault has for itself
	taken    map[*crew]bool
	under    []schedule.Fault // in force
	failures error
}

// run strikes when it is time to, and returns when ctx ends. By then all faults are over, and all processes run.
func (n *nemesis) run(ctx context.Context, faults []schedule.Strike) {
	var under sync.WaitGroup
	defer under.Wait()
	began := time.Now()
	for _, s := range faults {
		pause(ctx, time.Duration(s.At)-time.Since(began))
		if ctx.Err() != nil {
			return
		}
		if befall := attacks[s.Fault].befall; befall != nil {
			under.Go(func() {
				n.enter(s.Fault)
				defer n.leave(s.Fault)
				befall(n, ctx, s)
			})
		}
	}
	<-ctx.Done()
}

func (n *nemesis) enter(f schedule.Fault) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.under = append(n.under, f)
}

func (n *nemesis) leave(f schedule.Fault) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	at := slices.Index(n.under, f)
	n.under = slices.Delete(n.under, at, at+1)
}

// inForce names the faults of the moment.
func (n *nemesis) inForce() string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	names := make([]string, len(n.under))
	for i, f := range n.under {
		names[i] = f.String()
	}
	return strings.Join(names, " ")
}

func (n *nemesis) injected(f schedule.Fault) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.counts[f].Injected++
}

func (n *nemesis) observed(f schedule.Fault) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.counts[f].Observed++
}

func (n *nemesis) bitten(f schedule.Fault, h *Hindrance) {
	if h.Bites() > 0 {
		n.observed(f)
	}
}

// trouble notes what this program can't do.
func (n *nemesis) trouble(err error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.failures = errors.Join(n.failures, err)
}

// tally is how often each fault came about so far, and what went wrong here.
func (n *nemesis) tally() ([schedule.Faults]Count, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return n.counts, n.failures
}

// hinder puts a hindrance in force for as long as the strike lasts.
func (n *nemesis) hinder(ctx context.Context, s schedule.Strike, ways []*Way, h *Hindrance) {
	n.injected(s.Fault)
	hinder(ctx, ways, h, time.Duration(s.Lasts))
	n.bitten(s.Fault, h)
}

func hinder(ctx context.Context, ways []*Way, h *Hindrance, lasts time.Duration) {
	for _, w := range ways {
		w.Hinder(h)
	}
	pause(ctx, lasts)
	for _, w := range ways {
		w.Relieve(h)
	}
}

// links are the ways whose direction a rule picks.
func (n *nemesis) links(picks func(direction) bool) []*Way {
	var ways []*Way
	for d, w := range n.network.ways {
		if picks(d) {
			ways = append(ways, w)
		}
	}
	return ways
}

// named are the ways that a schedule names by their directions. It was checked.
func (n *nemesis) named(cut []string) []*Way {
	var ways []*Way
	for _, text := range cut {
		d, err := parseDirection(text, n.crewOf)
		if err != nil {
			panic("cluster: " + err.Error())
		}
		ways = append(ways, n.network.ways[d])
	}
	return ways
}

// at are the ways that begin at a place, or, when it names a direction, that one.
func (n *nemesis) at(text string) []*Way {
	if strings.Contains(text, ">") {
		return n.named([]string{text})
	}
	from := n.ends(text)[0]
	return n.links(func(d direction) bool { return d.from == from })
}

// ends are the places that a text such as "s1" or "c4>s1" names. It was checked.
func (n *nemesis) ends(text string) []place {
	var ends []place
	for name := range strings.SplitSeq(text, ">") {
		p, err := parsePlace(name, n.crewOf)
		if err != nil {
			panic("cluster: " + err.Error())
		}
		ends = append(ends, p)
	}
	return ends
}

func (n *nemesis) crewOf(client int) int { return crewOf(max(client, 1), len(n.crews)) }

// serverOrLeader is the member that a strike names, or, when it names none, whoever leads; the first one, when nobody does.
func (n *nemesis) serverOrLeader(named int) int {
	if named != 0 {
		return named
	}
	return max(1, n.throne.leader())
}

// claim takes a member for a fault that stops it: the one of that number, or, if another fault has that one already, the next. It
// waits while as many are down as may be at a time, and is nil when ctx ends first.
func (n *nemesis) claim(ctx context.Context, number int) *Node {
	for ; ctx.Err() == nil; pause(ctx, 10*time.Millisecond) {
		if m := n.free(number); m != nil {
			return m
		}
	}
	return nil
}

func (n *nemesis) free(number int) *Node {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if len(n.down) >= minority(len(n.members)) {
		return nil
	}
	for i := range n.members {
		if m := n.members[(number-1+i)%len(n.members)]; !n.down[m] {
			n.down[m] = true
			return m
		}
	}
	panic("cluster: a minority is not all")
}

func (n *nemesis) release(m *Node) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	delete(n.down, m)
}

// claimCrew takes a crew for a fault that stops it: the one of that number, or the next that is free.
func (n *nemesis) claimCrew(number int) *crew {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for i := range n.crews {
		if c := n.crews[(number-1+i)%len(n.crews)]; !n.taken[c] {
			n.taken[c] = true
			return c
		}
	}
	return nil
}

func (n *nemesis) releaseCrew(c *crew) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	delete(n.taken, c)
}

// transfer asks for a new leader, and returns who it is; zero: nobody can tell.
func (n *nemesis) transfer(ctx context.Context, to int) int {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	leader, err := n.control.Transfer(ctx, uint64(to))
	if err != nil {
		return 0
	}
	return int(leader)
}

// beyond names what a schedule asks for and only a simulated world can do.
func beyond(faults []schedule.Strike) string {
	counts := map[schedule.Fault]int{}
	for _, s := range faults {
		if attacks[s.Fault].befall == nil {
			counts[s.Fault]++
		}
	}
	var names []string
	for f := range schedule.Faults {
		if counts[f] > 0 {
			names = append(names, fmt.Sprintf("%v (%d)", f, counts[f]))
		}
	}
	return strings.Join(names, ", ")
}
