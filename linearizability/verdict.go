package linearizability

// Result is a verdict in one word.
type Result uint8

// The results. Undecided is no pass.
const (
	Undecided Result = iota // the budget was spent before an answer was found
	Pass
	Fail
)

func (r Result) String() string { return [...]string{"unknown", "pass", "fail"}[r] }

// Verdict is what was found out about a history.
type Verdict struct {
	Result    Result
	Violation *Violation // of a Fail
	Steps     int        // of the lock model, in porcupine's search
	Keys      int        // locks
	// Skipped is how many of the locks were left to the sweep alone: those that are longer than Longest or busier than Busiest.
	Skipped int
}

// Violation says which rule was broken, and by what.
type Violation struct {
	Oracle     Oracle
	Message    string // one sentence
	Operations [2]int // indexes of the two that contradict each other; twice the same if one contradicts itself
}

// Oracle is a judge's name.
type Oracle string

// The oracles.
const (
	Linearizability Oracle = "linearizability" // porcupine finds no order
	TokenSweep      Oracle = "token-sweep"     // the sweep finds no order
	TokenOrder      Oracle = "token-order"     // a token repeats or falls, over all locks, or is of two of them
	FencedResource  Oracle = "fenced-resource" // a resource took what it had to refuse, or lost a write
	JudgesDisagree  Oracle = "judges-disagree" // one of the two first is wrong
)

// Judge passes a history if all that was answered can have happened one after the other as a lock service and its fenced
// resources must do it. The sweep and the rules of token order and resources judge all of it. Porcupine judges each lock that
// is neither longer than Longest nor busier than Busiest as well, in at most budget steps of the model altogether, and must
// come to the same end.
func Judge(h *History, budget int) Verdict {
	strands := unravel(h)
	verdict := Verdict{Result: Pass, Keys: len(strands)}
	var broken []*Violation
	for i := range strands {
		s := &strands[i]
		order, swept := s.sweep(h)
		if swept == nil {
			swept = s.certify(order)
		}
		broken = append(broken, s.compare(h, swept, budget-verdict.Steps, &verdict), swept)
		s.putOff(order)
	}
	verdict.convict(tokenOrder(h, strands))
	for _, violation := range broken {
		verdict.convict(violation)
	}
	verdict.convict(fenced(h))
	return verdict
}

// convict keeps the first violation that is found.
func (v *Verdict) convict(violation *Violation) {
	if violation != nil && v.Violation == nil {
		v.Result, v.Violation = Fail, violation
	}
}

// compare lets porcupine judge a lock of which the sweep has said whether it is broken.
func (s *strand) compare(h *History, swept *Violation, budget int, verdict *Verdict) *Violation {
	if s.spared() {
		verdict.Skipped++
		return nil
	}
	found, steps := s.search(budget)
	verdict.Steps += steps
	switch {
	case found == Undecided && verdict.Result == Pass:
		verdict.Result = Undecided
	case found == Fail && swept == nil:
		stuck := s.stuck(h, budget)
		return violation(JudgesDisagree, stuck.Operations[0], stuck.Operations[1], "the sweep has an order where porcupine has none: %s", stuck.Message)
	case found == Pass && swept != nil:
		return violation(JudgesDisagree, swept.Operations[0], swept.Operations[1], "porcupine has an order where the sweep has none: %s", swept.Message)
	}
	return nil
}

// Grants is how many locks were granted, as far as their clients know. A history without any shows nothing.
func (h *History) Grants() int {
	grants := 0
	for i := range h.Operations {
		if o := &h.Operations[i]; o.Kind == Acquire && o.Outcome == Done {
			grants++
		}
	}
	return grants
}
