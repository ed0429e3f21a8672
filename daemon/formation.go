package daemon

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"lockd/raft"
	"lockd/wal"
	"lockd/wire"
)

// founding is a cluster about to be: what every member writes into its directory.
type founding struct {
	cluster    wal.ClusterID
	membership raft.Membership
}

// formation is what a member knows of who belongs to its cluster. It makes the hellos, judges those of
// others, and finds out when the cluster can be formed. It has no goroutine.
type formation struct {
	configured []raft.ID // rising
	founding   chan founding

	mutex      sync.Mutex
	identity   wal.Identity
	membership raft.Membership // empty: not formed
	heard      map[raft.ID]uint64
	decided    bool
	// obstacle is why this member may never become one, as far as it can see.
	obstacle  string
	addresses map[raft.ID]wire.Address
}

// newFormation begins with what the directory says. The membership of one that is not formed is empty.
func newFormation(identity wal.Identity, membership raft.Membership, configured []raft.ID, own wire.Address) *formation {
	f := &formation{
		configured: slices.Sorted(slices.Values(configured)),
		founding:   make(chan founding, 1),
		identity:   identity,
		membership: membership,
		heard:      map[raft.ID]uint64{identity.Member: identity.Incarnation},
		addresses:  map[raft.ID]wire.Address{identity.Member: own},
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.found()
	return f
}

// formed is called when the directory has become the cluster's.
func (f *formation) formed(c founding) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.identity.Cluster, f.membership, f.obstacle = c.cluster, c.membership, ""
}

// hello is what this member says of itself at the moment.
func (f *formation) hello(to raft.ID) wire.Hello {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	own := f.addresses[f.identity.Member]
	return wire.Hello{
		Cluster: f.identity.Cluster, From: f.identity.Member, To: to, Incarnation: f.identity.Incarnation,
		Membership: f.membership, Client: own.Client, HTTP: own.HTTP,
	}
}

// judge decides whether whoever says this may speak to this member, and learns from it. Its
// errors are read on both sides.
func (f *formation) judge(hello wire.Hello) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	err := f.judgeName(hello)
	if err == nil && f.identity.Formed() {
		err = f.judgeMember(hello)
	} else if err == nil {
		err = f.judgeFounder(hello)
	}
	if err == nil {
		f.addresses[hello.From] = wire.Address{Client: hello.Client, HTTP: hello.HTTP}
	}
	return err
}

func (f *formation) judgeName(hello wire.Hello) error {
	switch self := f.identity.Member; {
	case hello.To != self:
		return fmt.Errorf("this is member %d, not member %d", self, hello.To)
	case hello.From == self:
		return fmt.Errorf("two nodes run as member %d", self)
	case !slices.Contains(f.configured, hello.From):
		return fmt.Errorf("member %d is unknown to member %d, whose members are %s", hello.From, self, names(f.configured))
	}
	return nil
}

// judgeMember is the rule of a formed member.
func (f *formation) judgeMember(hello wire.Hello) error {
	expected, found := incarnation(f.membership, hello.From)
	switch cluster := wal.ClusterID(hello.Cluster); {
	case cluster != wal.ClusterID{} && cluster != f.identity.Cluster:
		return fmt.Errorf("member %d belongs to another cluster: it is of %v, and member %d of %v",
			hello.From, cluster, f.identity.Member, f.identity.Cluster)
	case !found:
		return fmt.Errorf("member %d is unknown to the cluster %v", hello.From, f.identity.Cluster)
	case hello.Incarnation != expected:
		return fmt.Errorf("member %d lost its data directory: its incarnation is %016x, and the cluster was formed with %016x. "+
			"It is not the member that promised", hello.From, hello.Incarnation, expected)
	}
	return nil
}

// judgeFounder is the rule of a member that is not formed yet.
func (f *formation) judgeFounder(hello wire.Hello) error {
	if wal.ClusterID(hello.Cluster) == (wal.ClusterID{}) {
		f.heard[hello.From] = hello.Incarnation
		f.found()
		return nil
	}
	if err := f.judgeCluster(hello); err != nil {
		f.obstacle = err.Error()
		return err
	}
	f.decide(founding{wal.ClusterID(hello.Cluster), hello.Membership})
	return nil
}

// judgeCluster decides whether the cluster of a formed member is the one that this member is to be of. It may be:
// that member has heard of this very directory, which promised nothing since.
func (f *formation) judgeCluster(hello wire.Hello) error {
	self := f.identity.Member
	expected, found := incarnation(hello.Membership, self)
	switch {
	case !found || !slices.Equal(members(hello.Membership), f.configured):
		return fmt.Errorf("member %d has formed a cluster of the members %s, but member %d is configured with %s",
			hello.From, names(members(hello.Membership)), self, names(f.configured))
	case clusterOf(hello.Membership) != wal.ClusterID(hello.Cluster):
		return fmt.Errorf("member %d names a cluster %v that does not follow from its members", hello.From, wal.ClusterID(hello.Cluster))
	case expected != f.identity.Incarnation:
		return fmt.Errorf("member %d lost its data directory: its incarnation is %016x, and the cluster was formed with %016x. "+
			"It is not the member that promised", self, f.identity.Incarnation, expected)
	}
	return nil
}

// found forms the cluster once every member's incarnation is known.
func (f *formation) found() {
	if len(f.heard) < len(f.configured) {
		return
	}
	var m raft.Membership
	for _, id := range f.configured {
		m.Members = append(m.Members, raft.Member{ID: id, Incarnation: f.heard[id]})
	}
	f.decide(founding{clusterOf(m), m})
}

func (f *formation) decide(c founding) {
	if f.decided || f.identity.Formed() {
		return
	}
	f.decided = true
	f.founding <- c
}

// pending says why the member is not formed. Nil: it is.
func (f *formation) pending() error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.identity.Formed() {
		return nil
	}
	if f.obstacle != "" {
		return errors.New("the cluster is not formed: " + f.obstacle)
	}
	var missing []raft.ID
	for _, id := range f.configured {
		if _, heard := f.heard[id]; !heard {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return errors.New("the cluster is being formed")
	}
	return errors.New("the cluster is not formed: nothing was heard of the members " + names(missing))
}

// address is where a member serves clients, as far as it was heard.
func (f *formation) address(id raft.ID) wire.Address {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.addresses[id]
}

// clusterOf is the identity of the cluster of these members: a hash, so that each finds it for itself, and
// another cluster of members with the same names has another one.
func clusterOf(m raft.Membership) (cluster wal.ClusterID) {
	sum := sha256.Sum256(raft.AppendMembership([]byte("lockd cluster "), m))
	copy(cluster[:], sum[:])
	return cluster
}

// mint draws an incarnation.
func mint() uint64 {
	for {
		var random [8]byte
		_, _ = rand.Read(random[:]) // it never fails: the process ends instead
		if drawn := binary.LittleEndian.Uint64(random[:]); drawn != 0 {
			return drawn
		}
	}
}

func incarnation(m raft.Membership, id raft.ID) (uint64, bool) {
	for _, member := range m.Members {
		if member.ID == id {
			return member.Incarnation, true
		}
	}
	return 0, false
}

func members(m raft.Membership) []raft.ID {
	ids := make([]raft.ID, len(m.Members))
	for i, member := range m.Members {
		ids[i] = member.ID
	}
	return ids
}

// names lists members for people.
func names(ids []raft.ID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprint(uint64(id))
	}
	return strings.Join(texts, ", ")
}
