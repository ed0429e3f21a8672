package daemon

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockd/raft"
	"lockd/wal"
	"lockd/wire"
)

// nursery is some nodes that try to become clusters, with their disks, and a network that may deliver what anybody ever said, in any order.
type nursery struct {
	t     *rapid.T
	nodes []*newborn
	said  []hearsay
	// ever is every membership that anybody founded, though its directory may be lost since.
	ever        []raft.Membership
	incarnation uint64
}

// newborn is a node. Its identity and membership are what its disk holds; the formation is its memory.
type newborn struct {
	identity   wal.Identity
	membership raft.Membership
	calls      map[raft.ID]*newborn // its list of members
	formation  *formation
}

// hearsay is a hello on its way.
type hearsay struct {
	to    *newborn
	hello wire.Hello
}

// newNursery makes clusters of that size. A wrong address leads from one to the next.
func newNursery(t *rapid.T, clusters, size int, mistyped bool) *nursery {
	n := &nursery{t: t}
	for range clusters {
		cluster := make([]*newborn, size)
		for i := range cluster {
			cluster[i] = &newborn{identity: wal.Identity{Member: raft.ID(i + 1)}, calls: map[raft.ID]*newborn{}}
		}
		for _, a := range cluster {
			for _, b := range cluster {
				a.calls[b.identity.Member] = b
			}
			n.wipe(a)
		}
		n.nodes = append(n.nodes, cluster...)
	}
	if mistyped {
		n.nodes[0].calls[2] = n.nodes[size+1]
	}
	return n
}

func (n *nursery) wipe(node *newborn) {
	n.incarnation++
	node.identity = wal.Identity{Member: node.identity.Member, Incarnation: n.incarnation}
	node.membership = raft.Membership{}
	node.restart()
}

func (node *newborn) restart() {
	var configured []raft.ID
	for id := range node.calls {
		configured = append(configured, id)
	}
	node.formation = newFormation(node.identity, node.membership, configured, wire.Address{})
}

// greet is a handshake that one node begins; its two hellos may arrive at any time, or never.
func (n *nursery) greet(a, b *newborn) {
	if a != b {
		n.said = append(n.said, hearsay{b, a.formation.hello(b.identity.Member)}, hearsay{a, b.formation.hello(a.identity.Member)})
	}
}

// write brings onto the disk what the formation has decided. The node may die before it knows.
func (n *nursery) write(node *newborn, dies bool) {
	select {
	case m := <-node.formation.promising:
		node.identity.Promised = m
		if !dies {
			node.formation.promised(m)
		}
	case c := <-node.formation.founding:
		node.identity.Cluster, node.identity.Promised, node.membership = c.cluster, raft.Membership{}, c.membership
		n.ever = append(n.ever, c.membership)
		if !dies {
			node.formation.formed(c)
		}
	default:
	}
	if dies {
		node.restart()
	}
}

// check is the promise of the whole: clusters that were founded share no directory, or are the same.
func (n *nursery) check() {
	for i, a := range n.ever {
		for _, b := range n.ever[:i] {
			if !same(a, b) && slices.ContainsFunc(a.Members, func(m raft.Member) bool { return slices.Contains(b.Members, m) }) {
				n.t.Fatalf("a directory is in two clusters: %s, and %s", describe(a), describe(b))
			}
		}
	}
}

// fates are what may happen to a node, and weather how often each does: one that never comes, or often, leads where an even mixture does not.
const (
	greets = iota
	hears
	writes
	writesAndDies
	restarts
	isWiped
	fates
)

type weather []int // each fate, as often as is its weight

func drawWeather(t *rapid.T, wipes bool) (w weather) {
	for fate := range fates {
		weight := rapid.SampledFrom([]int{1, 4, 16}).Draw(t, "weight")
		switch {
		case fate == greets || fate == hears:
			weight = 32
		case fate == isWiped && !wipes:
			weight = 0
		}
		w = append(w, slices.Repeat([]int{fate}, weight)...)
	}
	return w
}

// step does one thing that may happen to the nodes.
func (n *nursery) step(w weather) {
	node := n.nodes[rapid.IntRange(0, len(n.nodes)-1).Draw(n.t, "node")]
	switch rapid.SampledFrom(w).Draw(n.t, "fate") {
	case greets:
		n.greet(node, node.calls[rapid.SampledFrom(node.formation.configured).Draw(n.t, "callee")])
	case hears:
		if len(n.said) > 0 {
			news := rapid.SampledFrom(n.said).Draw(n.t, "news")
			_ = news.to.formation.judge(news.hello)
		}
	case writes:
		n.write(node, false)
	case writesAndDies:
		n.write(node, true)
	case restarts:
		node.restart()
	case isWiped:
		n.wipe(node)
	}
}

// meetAll is good weather: everybody hears everybody, and every disk works.
func (n *nursery) meetAll() {
	for range 4 {
		for _, a := range n.nodes {
			for _, id := range a.formation.configured {
				if b := a.calls[id]; a != b {
					_, _ = meet(a.formation, b.formation)
				}
			}
		}
		for _, node := range n.nodes {
			n.write(node, false)
		}
	}
}

func TestFormationNeverPutsADirectoryIntoTwoClusters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clusters := rapid.IntRange(1, 2).Draw(t, "clusters")
		n := newNursery(t, clusters, rapid.IntRange(3, 5).Draw(t, "size"), clusters == 2)
		w := drawWeather(t, true)
		for range 300 {
			n.step(w)
			n.check()
		}
		n.meetAll()
		n.check()
	})
}

func TestFormationSucceedsHoweverOftenNodesRestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNursery(t, 1, rapid.IntRange(1, 5).Draw(t, "size"), false)
		w := drawWeather(t, false)
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			n.step(w)
		}
		n.meetAll()
		for _, node := range n.nodes {
			if err := node.formation.pending(); err != nil {
				t.Fatalf("member %d: %v", node.identity.Member, err)
			}
		}
		n.check()
	})
}
