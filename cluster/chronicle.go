package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"lockd/linearizability"
)

// chronicle gathers what the crews tell, in whatever order it comes.
type chronicle struct {
	mutex  sync.Mutex
	acts   []act
	begun  map[telling]act // without an answer so far
	early  []string
	served map[int]bool
	grants, contended,
	refusals, // of the resource
	sessions int
}

// telling names an act that was told of when it began.
type telling struct {
	teller int // a process of a crew: each has a number of its own
	number uint64
}

func newChronicle() *chronicle {
	return &chronicle{begun: map[telling]act{}, served: map[int]bool{}}
}

// hear takes a word of a process.
func (c *chronicle) hear(teller int, w word) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case w.Early != "":
		c.early = append(c.early, w.Early)
	case w.Served != 0:
		c.served[w.Served] = true
	case w.Act != nil && w.Act.Returned == 0:
		c.begun[telling{teller, w.Act.Number}] = *w.Act
	case w.Act != nil:
		delete(c.begun, telling{teller, w.Act.Number})
		c.acts = append(c.acts, *w.Act)
		c.count(w.Act)
	}
}

func (c *chronicle) count(a *act) {
	switch {
	case a.Kind == linearizability.Acquire && a.Outcome == linearizability.Done:
		c.grants++
		if strings.HasPrefix(a.Lock, sharedPrefix) {
			c.contended++
		}
	case a.Kind == linearizability.Open && a.Outcome == linearizability.Done:
		c.sessions++
	case (a.Kind == linearizability.Read || a.Kind == linearizability.Write) && a.Outcome == linearizability.Refused:
		c.refusals++
	}
}

// sums are the operations and grants so far.
func (c *chronicle) sums() (operations, grants int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.acts) + len(c.begun), c.grants
}

// unserved are the clients, out of so many, that were not served after everything had healed.
func (c *chronicle) unserved(clients int) []int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var missing []int
	for client := 1; client <= clients; client++ {
		if !c.served[client] {
			missing = append(missing, client)
		}
	}
	return missing
}

// history puts all acts in order. What began at the instant at which another one ended counts as begun before: neither is
// known to have come first, and so no judge may rely on it.
func (c *chronicle) history() linearizability.History {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	h := linearizability.History{Slack: slack}
	for i := range c.acts {
		h.Operations = append(h.Operations, c.acts[i].operation())
	}
	for _, a := range c.begun {
		h.Operations = append(h.Operations, a.operation())
	}
	rank(h.Operations)
	date(h.Operations)
	return h
}

// date counts times from the first event on.
func date(operations []linearizability.Operation) {
	for _, first := range operations {
		if first.Call != 1 {
			continue
		}
		for i := range operations {
			o := &operations[i]
			o.Called -= first.Called
			if o.Return != linearizability.Never {
				o.Returned -= first.Called
			}
		}
		return
	}
}

// rank numbers the events of all operations in the order of their times.
func rank(operations []linearizability.Operation) {
	type event struct {
		operation *linearizability.Operation
		returns   bool
	}
	at := func(e event) int64 {
		if e.returns {
			return int64(e.operation.Returned)
		}
		return int64(e.operation.Called)
	}
	events := make([]event, 0, 2*len(operations))
	for i := range operations {
		events = append(events, event{&operations[i], false})
		if operations[i].Returned != 0 {
			events = append(events, event{&operations[i], true})
		}
	}
	slices.SortStableFunc(events, func(a, b event) int {
		first := 0
		if a.returns != b.returns {
			if first = -1; a.returns {
				first = 1
			}
		}
		return cmp.Or(cmp.Compare(at(a), at(b)), first)
	})
	for i, e := range events {
		if e.returns {
			e.operation.Return = uint64(i + 1)
		} else {
			e.operation.Call = uint64(i + 1)
		}
	}
}

// outOfOrder names grants of one lock that came in another order than they were asked for, as the servers themselves number the
// requests: first come, first served.
func (c *chronicle) outOfOrder() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var granted []act
	for _, a := range c.acts {
		if a.Kind == linearizability.Acquire && a.Outcome == linearizability.Done {
			granted = append(granted, a)
		}
	}
	slices.SortFunc(granted, func(a, b act) int {
		return cmp.Or(cmp.Compare(a.Lock, b.Lock), cmp.Compare(a.Token, b.Token))
	})
	var sentences []string
	for i := 1; i < len(granted); i++ {
		if a, b := granted[i-1], granted[i]; a.Lock == b.Lock && a.Place >= b.Place {
			sentences = append(sentences, fmt.Sprintf("%q was served out of order: client %d, at place %d, with token %d, before client %d, at place %d, with token %d",
				a.Lock, a.Client, a.Place, a.Token, b.Client, b.Place, b.Token))
		}
	}
	return sentences
}
