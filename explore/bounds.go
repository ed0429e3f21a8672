package explore

import (
	"fmt"

	"lockd/raft"
)

// mostNodes bounds the work of folding: every state is looked at under each order of its members.
const mostNodes = 5

// Bounds says how much may happen. Within them everything happens, in every order.
type Bounds struct {
	Nodes int
	Depth int       // actions, one after the other
	Terms raft.Term // the highest one; the cluster is formed in term 1
	// Late is how many messages and unfinished records may be under way while a timeout runs out, a command or a change is proposed or a
	// member crashes. The other records are durable by then, the other messages are lost.
	Late       int
	Proposals  int
	Changes    int // of the membership: each removes a voter, or several
	Removed    int // how many voters one change removes at most
	Duplicates int // messages that arrive once more
	Crashes    int // each takes from a disk what is not durable
	Timeouts   int // of patience, heartbeats and quorum checks
}

// Check says what is wrong with the bounds.
func (b Bounds) Check() error {
	for _, least := range []int{b.Late, b.Proposals, b.Changes, b.Removed, b.Duplicates, b.Crashes, b.Timeouts} {
		if least < 0 || least > 200 {
			return fmt.Errorf("a bound is 0 to 200, not %d", least)
		}
	}
	switch {
	case b.Nodes < 1 || b.Nodes > mostNodes:
		return fmt.Errorf("the explorer knows clusters of 1 to %d nodes, not of %d", mostNodes, b.Nodes)
	case b.Depth < 1 || b.Depth > 200:
		return fmt.Errorf("the depth is 1 to 200, not %d", b.Depth)
	case b.Terms < 1 || b.Terms > 100:
		return fmt.Errorf("the highest term is 1 to 100, not %d", b.Terms)
	}
	return nil
}

// spent is how much of the bounds a state has used up.
type spent struct{ proposals, changes, duplicates, crashes, timeouts uint8 }

// allow tells whether there is enough left for time to pass in this way.
func (b Bounds) allow(k kind, s spent) bool {
	switch k {
	case timeout, silence:
		return int(s.timeouts) < b.Timeouts
	case propose:
		return int(s.proposals) < b.Proposals
	case change:
		return int(s.changes) < b.Changes
	default:
		return int(s.crashes) < b.Crashes
	}
}

// eager tells whether disks finish every record at once, because no crash is left that could take it away.
func (b Bounds) eager(s spent) bool { return int(s.crashes) >= b.Crashes }
