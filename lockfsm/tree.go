package lockfsm

import "iter"

// A node holds at most maxItems pairs, and at least minItems unless it is the root.
const (
	maxItems = 31
	minItems = maxItems / 2
)

// key is what a tree is sorted by: compare is negative, zero or positive as the
// receiver stands before, at or after the other.
type key[K any] interface{ compare(other K) int }

// tree is a sorted map that can be cloned in O(1): a B-tree whose nodes are copied when
// they are written, and only if a clone may still be looking at them. Its zero value is
// an empty tree.
//
// A node carries the mark of the tree that made it. A clone gives both trees fresh
// marks, so neither owns the nodes that they share, and each copies what it writes, once.
type tree[K key[K], V any] struct {
	root  *node[K, V]
	mark  *mark
	count int
}

// mark is an identity. It has a size, because pointers to values without size may be equal.
type mark struct{ _ byte }

type node[K key[K], V any] struct {
	mark     *mark
	count    int
	keys     [maxItems]K
	values   [maxItems]V
	children *[maxItems + 1]*node[K, V] // nil in a leaf
}

func (t *tree[K, V]) len() int { return t.count }

// clone returns a tree with the same content; neither sees what is done to the other later.
func (t *tree[K, V]) clone() tree[K, V] {
	t.mark = new(mark)
	return tree[K, V]{root: t.root, mark: new(mark), count: t.count}
}

func (t *tree[K, V]) get(k K) (value V, found bool) {
	for n := t.root; n != nil; {
		at, here := n.find(k)
		if here {
			return n.values[at], true
		}
		n = n.child(at)
	}
	return value, false
}

// ceiling returns the first pair whose key is not before k.
func (t *tree[K, V]) ceiling(k K) (first K, value V, found bool) {
	for n := t.root; n != nil; {
		at, _ := n.find(k)
		if at < n.count {
			first, value, found = n.keys[at], n.values[at], true
			if n.children == nil || first.compare(k) == 0 {
				return first, value, true
			}
		}
		n = n.child(at)
	}
	return first, value, found
}

// from yields the pairs in order, beginning with the first whose key is not before k.
// The tree must not change meanwhile.
func (t *tree[K, V]) from(k K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if t.root != nil {
			t.root.from(k, yield)
		}
	}
}

// all yields every pair in order. The tree must not change meanwhile.
func (t *tree[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if t.root != nil {
			t.root.all(yield)
		}
	}
}

// edit returns a place to change the value in, nil if the key is not there. The pointer
// holds until the tree's next change or clone.
func (t *tree[K, V]) edit(k K) *V {
	own := true
	for n := t.root; n != nil; {
		own = own && n.mark == t.mark
		at, here := n.find(k)
		switch {
		case here && own:
			return &n.values[at]
		case here:
			return t.editCopy(k)
		}
		n = n.child(at)
	}
	return nil
}

// editCopy makes the way to a key that is there the tree's own.
func (t *tree[K, V]) editCopy(k K) *V {
	t.root = t.own(t.root)
	for n := t.root; ; {
		at, here := n.find(k)
		if here {
			return &n.values[at]
		}
		n = t.ownChild(n, at)
	}
}

// set puts a pair in, and returns the place of its value, as edit does.
func (t *tree[K, V]) set(k K, value V) *V {
	if t.mark == nil {
		t.mark = new(mark)
	}
	if t.root == nil {
		t.root = &node[K, V]{mark: t.mark}
	}
	t.root = t.own(t.root)
	if t.root.count == maxItems {
		old := t.root
		t.root = &node[K, V]{mark: t.mark, children: new([maxItems + 1]*node[K, V])}
		t.root.children[0] = old
		t.split(t.root, 0)
	}
	at, added := t.insert(k, value)
	if added {
		t.count++
	}
	return at
}

// insert goes down from a root that has room, splitting full children on its way so
// that there is always room for what comes up.
func (t *tree[K, V]) insert(k K, value V) (place *V, added bool) {
	n := t.root
	for {
		at, here := n.find(k)
		if !here && n.children != nil && n.children[at].count == maxItems {
			t.split(n, at)
			at, here = n.find(k)
		}
		if here {
			n.values[at] = value
			return &n.values[at], false
		}
		if n.children == nil {
			n.put(at, k, value)
			return &n.values[at], true
		}
		n = t.ownChild(n, at)
	}
}

// delete removes a pair, and returns its value if it was there.
func (t *tree[K, V]) delete(k K) (value V, found bool) {
	if t.root == nil {
		return value, false
	}
	t.root = t.own(t.root)
	value, found = t.remove(t.root, k)
	// A leaf stays, empty as it is: where one lock is taken and given back again and again it is soon filled again.
	if t.root.count == 0 && t.root.children != nil {
		t.root = t.root.child(0)
	}
	if found {
		t.count--
	}
	return value, found
}

// remove takes a key out of the subtree under n, which is owned.
func (t *tree[K, V]) remove(n *node[K, V], k K) (value V, found bool) {
	at, here := n.find(k)
	if n.children == nil {
		if here {
			_, value = n.cut(at)
		}
		return value, here
	}
	child := t.ownChild(n, at)
	if here {
		value = n.values[at]
		n.keys[at], n.values[at] = t.removeLast(child)
	} else {
		value, here = t.remove(child, k)
	}
	t.refill(n, at)
	return value, here
}

func (t *tree[K, V]) removeLast(n *node[K, V]) (K, V) {
	if n.children == nil {
		return n.cut(n.count - 1)
	}
	k, value := t.removeLast(t.ownChild(n, n.count))
	t.refill(n, n.count)
	return k, value
}

// refill brings the child at a position back to minItems after it lost one: from a
// neighbour that can spare one, else by merging the two.
func (t *tree[K, V]) refill(n *node[K, V], at int) {
	switch {
	case n.children[at].count >= minItems:
	case at > 0 && n.children[at-1].count > minItems:
		t.shiftRight(n, at-1)
	case at < n.count && n.children[at+1].count > minItems:
		t.shiftLeft(n, at)
	case at > 0:
		t.merge(n, at-1)
	default:
		t.merge(n, at)
	}
}

// shiftRight moves the last pair of the child at a position up, and the pair that stood
// there down to the front of the next child.
func (t *tree[K, V]) shiftRight(n *node[K, V], at int) {
	left, right := t.ownChild(n, at), t.ownChild(n, at+1)
	right.put(0, n.keys[at], n.values[at])
	if left.children != nil {
		copy(right.children[1:right.count+1], right.children[:right.count])
		right.children[0] = left.children[left.count]
		left.children[left.count] = nil
	}
	n.keys[at], n.values[at] = left.cut(left.count - 1)
}

// shiftLeft is shiftRight's mirror image.
func (t *tree[K, V]) shiftLeft(n *node[K, V], at int) {
	left, right := t.ownChild(n, at), t.ownChild(n, at+1)
	left.put(left.count, n.keys[at], n.values[at])
	if right.children != nil {
		left.children[left.count] = right.children[0]
		copy(right.children[:right.count], right.children[1:right.count+1])
		right.children[right.count] = nil
	}
	n.keys[at], n.values[at] = right.cut(0)
}

// merge joins the child at a position, the pair behind it, and the next child.
func (t *tree[K, V]) merge(n *node[K, V], at int) {
	left, right := t.ownChild(n, at), n.children[at+1]
	left.put(left.count, n.keys[at], n.values[at])
	copy(left.keys[left.count:], right.keys[:right.count])
	copy(left.values[left.count:], right.values[:right.count])
	if left.children != nil {
		copy(left.children[left.count:], right.children[:right.count+1])
	}
	left.count += right.count
	copy(n.children[at+1:n.count], n.children[at+2:n.count+1])
	n.children[n.count] = nil
	n.cut(at)
}

// split halves the full child at a position; its middle pair comes up into n, which has room.
func (t *tree[K, V]) split(n *node[K, V], at int) {
	left := t.ownChild(n, at)
	right := &node[K, V]{mark: t.mark, count: maxItems - minItems - 1}
	copy(right.keys[:], left.keys[minItems+1:])
	copy(right.values[:], left.values[minItems+1:])
	if left.children != nil {
		right.children = new([maxItems + 1]*node[K, V])
		copy(right.children[:], left.children[minItems+1:])
		clear(left.children[minItems+1:])
	}
	copy(n.children[at+2:], n.children[at+1:n.count+1])
	n.children[at+1] = right
	n.put(at, left.keys[minItems], left.values[minItems])
	clear(left.keys[minItems:])
	clear(left.values[minItems:])
	left.count = minItems
}

// own returns the node itself if this tree made it, else a copy that it may write to.
func (t *tree[K, V]) own(n *node[K, V]) *node[K, V] {
	if n.mark == t.mark {
		return n
	}
	copied := *n
	copied.mark = t.mark
	if n.children != nil {
		children := *n.children
		copied.children = &children
	}
	return &copied
}

func (t *tree[K, V]) ownChild(n *node[K, V], at int) *node[K, V] {
	n.children[at] = t.own(n.children[at])
	return n.children[at]
}

// find returns the position of the first key not before k, and whether it is k.
func (n *node[K, V]) find(k K) (at int, here bool) {
	low, high := 0, n.count
	for low < high {
		middle := int(uint(low+high) / 2)
		switch order := n.keys[middle].compare(k); {
		case order == 0:
			return middle, true
		case order < 0:
			low = middle + 1
		default:
			high = middle
		}
	}
	return low, false
}

func (n *node[K, V]) child(at int) *node[K, V] {
	if n.children == nil {
		return nil
	}
	return n.children[at]
}

// put makes room at a position for a pair. Children are the caller's to move.
func (n *node[K, V]) put(at int, k K, value V) {
	copy(n.keys[at+1:n.count+1], n.keys[at:n.count])
	copy(n.values[at+1:n.count+1], n.values[at:n.count])
	n.keys[at], n.values[at] = k, value
	n.count++
}

// cut takes out the pair at a position, and lets go of what it points to.
func (n *node[K, V]) cut(at int) (k K, value V) {
	k, value = n.keys[at], n.values[at]
	copy(n.keys[at:n.count-1], n.keys[at+1:n.count])
	copy(n.values[at:n.count-1], n.values[at+1:n.count])
	n.count--
	var (
		noKey   K
		noValue V
	)
	n.keys[n.count], n.values[n.count] = noKey, noValue
	return k, value
}

func (n *node[K, V]) from(k K, yield func(K, V) bool) bool {
	at, here := n.find(k)
	if child := n.child(at); child != nil && !here && !child.from(k, yield) {
		return false
	}
	return n.rest(at, yield)
}

func (n *node[K, V]) all(yield func(K, V) bool) bool {
	if child := n.child(0); child != nil && !child.all(yield) {
		return false
	}
	return n.rest(0, yield)
}

// rest yields the pair at a position and everything behind it.
func (n *node[K, V]) rest(at int, yield func(K, V) bool) bool {
	for ; at < n.count; at++ {
		if !yield(n.keys[at], n.values[at]) {
			return false
		}
		if child := n.child(at + 1); child != nil && !child.all(yield) {
			return false
		}
	}
	return true
}
