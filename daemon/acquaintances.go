package daemon

import (
	"maps"
	"slices"
	"sync"

	"lockd/raft"
	"lockd/wire"
)

// acquaintances are the members that this one dials, and where. The log says who belongs to the cluster, and where those are that were added to it; the
// configuration says it of those that founded it. A member that has heard less of the log than another may be greeted by one that it does not
// know yet: it has to dial that one too, or it could not answer, and would never hear of it in the log.
type acquaintances struct {
	configured map[raft.ID]string
	joining    bool          // nobody is dialled before somebody has called
	changed    chan struct{} // has a note when somebody is to be dialled who was not, or the other way round

	mutex sync.Mutex
	known []raft.Member
	met   map[raft.ID]stranger
}

// stranger is a member of a later membership than this one's.
type stranger struct {
	address string
	since   raft.Index
}

func newAcquaintances(configured map[raft.ID]string, joining bool) *acquaintances {
	return &acquaintances{configured: configured, joining: joining, changed: make(chan struct{}, 1), met: map[raft.ID]stranger{}}
}

// follow takes over who is known from a place in the log on.
func (a *acquaintances) follow(known []raft.Member, since raft.Index) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.known = known
	maps.DeleteFunc(a.met, func(_ raft.ID, s stranger) bool { return s.since <= since })
	a.note()
}

// meet notes who has greeted this member and is welcome.
func (a *acquaintances) meet(hello wire.Hello) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if slices.ContainsFunc(a.known, func(m raft.Member) bool { return m.ID == hello.From && m.Incarnation == hello.Incarnation }) {
		return
	}
	s := stranger{address: a.configured[hello.From], since: hello.Since}
	if m, found := find(hello.Membership, hello.From); found && m.Address != "" {
		s.address = m.Address
	}
	if s.address != "" && a.met[hello.From] != s {
		a.met[hello.From] = s
		a.note()
	}
}

func (a *acquaintances) note() {
	select {
	case a.changed <- struct{}{}:
	default: // one that lies there already will do
	}
}

// addresses are those of everybody who is to be dialled.
func (a *acquaintances) addresses() map[raft.ID]string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	at := map[raft.ID]string{}
	if len(a.known) == 0 && !a.joining {
		maps.Copy(at, a.configured)
	}
	for id, s := range a.met {
		at[id] = s.address
	}
	for _, m := range a.known {
		at[m.ID] = a.configured[m.ID]
		if m.Address != "" {
			at[m.ID] = m.Address
		}
	}
	maps.DeleteFunc(at, func(_ raft.ID, address string) bool { return address == "" })
	return at
}
