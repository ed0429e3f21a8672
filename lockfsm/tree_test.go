package lockfsm

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sorted is the tree's dumb twin.
type sorted []pair

type pair struct {
	key   numberKey
	value int
}

func (s sorted) search(k numberKey) (int, bool) {
	return slices.BinarySearchFunc(s, k, func(p pair, k numberKey) int { return p.key.compare(k) })
}

func (s sorted) set(k numberKey, value int) sorted {
	at, found := s.search(k)
	if found {
		s[at].value = value
		return s
	}
	return slices.Insert(s, at, pair{k, value})
}

func (s sorted) delete(k numberKey) (sorted, bool) {
	at, found := s.search(k)
	if !found {
		return s, false
	}
	return slices.Delete(s, at, at+1), true
}

type numbers = tree[numberKey, int]

func pairs(t *numbers) sorted {
	var all sorted
	for k, v := range t.all() {
		all = append(all, pair{k, v})
	}
	return all
}

// requireSame compares a tree with its twin, and looks at its shape.
func requireSame(t require.TestingT, expected sorted, actual *numbers) {
	require.True(t, slices.Equal(expected, pairs(actual)))
	require.Equal(t, len(expected), actual.len())
	if actual.root != nil {
		requireShape(t, actual.root, true)
	}
}

// requireShape checks that a node is neither too full nor too empty, and all leaves equally deep.
func requireShape(t require.TestingT, n *node[numberKey, int], root bool) (depth int) {
	require.LessOrEqual(t, n.count, maxItems)
	if !root {
		require.GreaterOrEqual(t, n.count, minItems)
	}
	if n.children == nil {
		return 1
	}
	require.Positive(t, n.count)
	depth = requireShape(t, n.children[0], false)
	for at := 1; at <= n.count; at++ {
		require.Equal(t, depth, requireShape(t, n.children[at], false))
	}
	for _, child := range n.children[n.count+1:] {
		require.Nil(t, child, "a child that was moved away is let go")
	}
	return depth + 1
}

// orchard is a family of clones, each with its twin.
type orchard struct {
	trees []*numbers
	twins []sorted
}

func (o *orchard) step(t *rapid.T) {
	at := rapid.IntRange(0, len(o.trees)-1).Draw(t, "tree")
	from, many := numberKey(rapid.Uint64Range(0, 2000).Draw(t, "from")), numberKey(rapid.Uint64Range(1, 300).Draw(t, "many"))
	stride := numberKey(rapid.SampledFrom([]uint64{1, 1, 7, 1999}).Draw(t, "stride"))
	kind := rapid.IntRange(0, 6).Draw(t, "what")
	for i := range many {
		o.change(t, at, kind, (from+i*stride)%2000, int(i))
	}
	k := numberKey(rapid.Uint64Range(0, 2100).Draw(t, "probe"))
	switch kind {
	case 4:
		o.look(t, at, k)
	case 5:
		if len(o.trees) < 6 {
			cloned := o.trees[at].clone()
			o.trees, o.twins = append(o.trees, &cloned), append(o.twins, slices.Clone(o.twins[at]))
		}
	}
}

func (o *orchard) change(t *rapid.T, at, kind int, k numberKey, value int) {
	switch kind {
	case 0, 1:
		place := o.trees[at].set(k, value)
		require.Same(t, o.trees[at].edit(k), place)
		o.twins[at] = o.twins[at].set(k, value)
	case 2, 3:
		before, _ := o.trees[at].get(k)
		value, deleted := o.trees[at].delete(k)
		var found bool
		o.twins[at], found = o.twins[at].delete(k)
		require.Equal(t, found, deleted)
		require.Equal(t, before, value)
	case 6:
		place, found := o.twins[at].search(k)
		edited := o.trees[at].edit(k)
		require.Equal(t, found, edited != nil)
		if found {
			*edited += value
			o.twins[at][place].value += value
		}
	}
}

func (o *orchard) look(t *rapid.T, at int, k numberKey) {
	place, found := o.twins[at].search(k)
	value, here := o.trees[at].get(k)
	require.Equal(t, found, here)
	if found {
		require.Equal(t, o.twins[at][place].value, value)
	}
	first, value, any := o.trees[at].ceiling(k)
	require.Equal(t, place < len(o.twins[at]), any)
	if any {
		require.Equal(t, o.twins[at][place], pair{first, value})
	}
	var tail sorted
	for k, v := range o.trees[at].from(k) {
		if len(tail) == 40 {
			break
		}
		tail = append(tail, pair{k, v})
	}
	require.True(t, slices.Equal(o.twins[at][place:min(place+40, len(o.twins[at]))], tail))
}

// A tree does what a sorted slice does, and no clone sees what is done to another.
func TestTreeAgainstSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &orchard{trees: []*numbers{{}}, twins: []sorted{nil}}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			o.step(t)
		}
		for at := range o.trees {
			requireSame(t, o.twins[at], o.trees[at])
		}
	})
}

// A tree that is written between clones copies a path for each write, not itself: that
// is what makes a snapshot free.
func TestCloneCopiesOnlyWhatIsWritten(t *testing.T) {
	grown := &numbers{}
	for k := range numberKey(10_000) {
		grown.set(k, 0)
	}
	cloned := grown.clone()
	grown.set(5000, 1)
	shared, own := 0, 0
	for at := range grown.root.count + 1 {
		if grown.root.children[at] == cloned.root.children[at] {
			shared++
		} else {
			own++
		}
	}
	require.Equal(t, 1, own)
	require.Equal(t, grown.root.count, shared)
	copied := grown.root
	grown.set(5000, 2)
	require.Same(t, copied, grown.root, "and once only")
}

// A tree of three levels is emptied from either end: nodes of every level borrow and merge.
func TestTreeEmptiedFromEitherEnd(t *testing.T) {
	const size = 5003 // a prime: the stride comes to every key
	for _, fromTheEnd := range []bool{false, true} {
		shrinking := &numbers{}
		for k := range numberKey(size) {
			shrinking.set(k*1999%size, 0)
		}
		for k := range numberKey(size) {
			if fromTheEnd {
				k = size - 1 - k
			}
			_, found := shrinking.delete(k)
			require.True(t, found)
			if k%50 == 0 {
				requireShape(t, shrinking.root, true)
			}
		}
		require.Zero(t, shrinking.root.count)
		require.Nil(t, shrinking.root.children, "one empty leaf is left")
	}
}

// A lock that is taken and given back while nobody else holds one makes its tree empty each time. That costs no memory.
func TestTreeThatEmptiesOftenAllocatesNothing(t *testing.T) {
	tree := &numbers{}
	tree.set(1, 1)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		tree.delete(1)
		tree.set(1, 1)
	}))
}
