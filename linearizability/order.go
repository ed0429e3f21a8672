package linearizability

import (
	"cmp"
	"slices"
)

// tokenOrder finds two grants with one token, of whatever locks, or a grant whose token is no higher than one that was known
// before its Acquire was called.
func tokenOrder(h *History) *Violation {
	var acquired []int
	var answers []sight
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Kind == Acquire && o.Outcome == Done {
			acquired = append(acquired, i)
			answers = append(answers, sight{o.Token, o.Return, i})
		}
		if shown := o.shown(); shown != [2]uint64{} {
			answers = append(answers, sight{max(shown[0], shown[1]), o.Return, i})
		}
	}
	if v := repeated(h, acquired); v != nil {
		return v
	}
	slices.SortFunc(acquired, func(a, b int) int { return cmp.Compare(h.Operations[a].Call, h.Operations[b].Call) })
	slices.SortFunc(answers, func(a, b sight) int { return cmp.Compare(a.seen, b.seen) })
	highest := sight{}
	for _, i := range acquired {
		o := &h.Operations[i]
		for len(answers) > 0 && answers[0].seen < o.Call {
			if answers[0].token > highest.token {
				highest = answers[0]
			}
			answers = answers[1:]
		}
		if o.Token <= highest.token {
			return violation(TokenOrder, highest.operation, i, "%s, although before it %s", h.describe(i), h.describe(highest.operation))
		}
	}
	return nil
}

// sight is a token that an answer told.
type sight struct {
	token, seen uint64
	operation   int
}

func repeated(h *History, acquired []int) *Violation {
	slices.SortFunc(acquired, func(a, b int) int {
		first, second := &h.Operations[a], &h.Operations[b]
		return cmp.Or(cmp.Compare(first.Token, second.Token), cmp.Compare(first.Call, second.Call))
	})
	for k := 1; k < len(acquired); k++ {
		if first, second := acquired[k-1], acquired[k]; h.Operations[first].Token == h.Operations[second].Token {
			return violation(TokenOrder, first, second, "%s, and %s", h.describe(first), h.describe(second))
		}
	}
	return nil
}
