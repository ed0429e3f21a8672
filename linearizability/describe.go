package linearizability

import (
	"fmt"
	"strings"
)

var kindNames = [...]string{Open: "Open", Renew: "Renew", Close: "Close", Acquire: "Acquire", Release: "Release", Check: "Check", Read: "Read", Write: "Write"}

func (k Kind) String() string {
	if int(k) < len(kindNames) && k != 0 {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

var outcomeNames = [...]string{Unknown: "unknown", Done: "done", Refused: "refused", Rejected: "rejected"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// describe is a clause about an operation: who called what, when, and what came of it.
func (h *History) describe(i int) string {
	o := &h.Operations[i]
	var b strings.Builder
	fmt.Fprintf(&b, "client %d's %v", o.Client, o.Kind)
	switch o.Kind {
	case Open, Renew, Close:
		fmt.Fprintf(&b, " of session %d", o.Session)
	case Release, Check:
		fmt.Fprintf(&b, " of token %d", o.Token)
	case Read, Write:
		fmt.Fprintf(&b, " under token %d", o.Token)
	}
	if o.Return == Never {
		fmt.Fprintf(&b, " (from event %d on)", o.Call)
	} else {
		fmt.Fprintf(&b, " (events %d to %d)", o.Call, o.Return)
	}
	b.WriteString(o.came())
	if o.Tells && (o.Outcome == Done || o.Outcome == Refused) {
		if o.Current == 0 {
			b.WriteString(" and told that the lock was free")
		} else {
			fmt.Fprintf(&b, " and told that token %d held the lock", o.Current)
		}
	}
	return b.String()
}

// came is what came of an operation.
func (o *Operation) came() string {
	switch {
	case o.Outcome == Unknown:
		return " got no answer"
	case o.Outcome == Rejected:
		return " was not carried out"
	case o.Kind == Check && o.Outcome == Done:
		return " found it valid"
	case o.Kind == Check:
		return " found it not valid"
	case o.Outcome == Refused:
		return " was refused"
	case o.Kind == Acquire:
		return fmt.Sprintf(" was granted token %d", o.Token)
	case o.Kind == Read:
		return fmt.Sprintf(" read %d", o.Value)
	case o.Kind == Write:
		return fmt.Sprintf(" put %d in the place of %d", o.Value, o.Base)
	}
	return " was accepted"
}

func violation(oracle Oracle, first, second int, format string, arguments ...any) *Violation {
	return &Violation{Oracle: oracle, Message: fmt.Sprintf(format, arguments...), Operations: [2]int{first, second}}
}
