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

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/wal"
	"lockd/wire"
)

// founding is a cluster about to be: what every member writes into its directory.
type founding struct {
	cluster    wal.ClusterID
	membership raft.Membership // empty: the cluster exists, and the node joins it
}

func (c founding) joins() bool { return len(c.membership.Members) == 0 }

// formation is what a member knows of who belongs to its cluster. It makes the hellos, judges those of
// others, and finds out when the cluster can be formed. It has no goroutine.
//
// What a member hears of others is hearsay: any of them may have lost its directory since, or have heard of different ones.
// Were it enough, two halves of the same nodes could found two clusters, and the second, empty one would grant the first one's
// tokens again. So all agree, and keep their word:
//
//   - A member that has heard of every other one's directory promises the membership of exactly these. The promise is on
//     its disk before anybody is told. It is given once in the life of a directory, and never taken back.
//   - A member founds the cluster that it has promised when every directory in it has told it of the same promise. A
//     promise holds for ever, so it does not matter how long ago it was told, or whether its giver still lives.
//   - A member that hears that the cluster which it has promised is founded joins it.
//
// So whatever is founded was promised by every directory in it, and since a directory promises once, two clusters
// that were founded have no directory in common: not one of the first's was there to vote in the second. A member that comes to life after an hour
// and acts on what it heard before can't do harm, and neither can one that was given a wrong address.
//
// The price is that a promise may be void: a directory that it names was lost before the cluster was founded. The
// member can't know that nobody founded it, and waits. It says so (see void), and whoever runs the nodes, and sees all of them, empties its
// directory.
type formation struct {
	configured []raft.ID // rising
	// What is to be written into the directory next. Each takes one at most in a formation's life.
	promising chan raft.Membership
	founding  chan founding

	mutex      sync.Mutex
	identity   wal.Identity
	membership raft.Membership // in force here; empty: none is
	since      raft.Index      // the entry that put it in force
	version    lockfsm.Version // in force here; zero: not known yet
	known      []raft.Member   // of the committed membership, and of those behind it
	// heard are the newest hellos of unformed members, and after this one chose what to promise, those of its directories alone.
	heard   map[raft.ID]wire.Hello
	chosen  raft.Membership // promised, or about to be; empty: nothing yet
	decided bool            // to found or to join
	// obstacle is why this member may never become one, as far as it can see.
	obstacle  string
	addresses map[raft.ID]wire.Address
}

// newFormation begins with what the directory says. The membership of one that is not formed is empty.
func newFormation(identity wal.Identity, membership raft.Membership, configured []raft.ID, own wire.Address) *formation {
	f := &formation{
		configured: slices.Sorted(slices.Values(configured)),
		promising:  make(chan raft.Membership, 1),
		founding:   make(chan founding, 1),
		identity:   identity,
		membership: membership, known: membership.All(),
		heard:     map[raft.ID]wire.Hello{},
		chosen:    identity.Promised,
		addresses: map[raft.ID]wire.Address{identity.Member: own},
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.agree()
	return f
}

// promised is called when the directory holds the promise. The hello has changed by it.
func (f *formation) promised(m raft.Membership) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.identity.Promised = m
	f.agree()
}

// formed is called when the directory has become the cluster's.
func (f *formation) formed(c founding) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.identity.Cluster, f.identity.Promised, f.obstacle = c.cluster, raft.Membership{}, ""
	f.membership, f.known = c.membership, c.membership.All()
}

// follow takes over the membership in force, and who else is known.
func (f *formation) follow(m raft.Membership, since raft.Index, known []raft.Member) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.membership, f.since, f.known = m, since, known
}

// rise takes over the version in force.
func (f *formation) rise(v lockfsm.Version) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.version = v
}

// hello is what this member says of itself at the moment.
func (f *formation) hello(to raft.ID) wire.Hello {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	own := f.addresses[f.identity.Member]
	membership := f.membership
	if !f.identity.Formed() {
		membership = f.identity.Promised
	}
	return wire.Hello{
		Cluster: f.identity.Cluster, From: f.identity.Member, To: to, Incarnation: f.identity.Incarnation,
		Since: f.since, Supports: supported, Version: f.version, Membership: membership, Client: own.Client, HTTP: own.HTTP,
	}
}

// judge decides whether whoever says this may speak to this member, and learns from it. Its
// errors are read on both sides.
func (f *formation) judge(hello wire.Hello) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	err := f.judgeName(hello)
	if err == nil {
		err = f.judgeVersion(hello)
	}
	switch {
	case err != nil:
	case f.identity.Formed():
		err = f.judgeMember(hello)
	case len(f.configured) == 0:
		err = f.judgeHost(hello)
	default:
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
	}
	return nil
}

// judgeVersion keeps out who could not read what it is sent. A node that waits to become a member says so.
func (f *formation) judgeVersion(hello wire.Hello) error {
	self := f.identity.Member
	switch {
	case hello.Supports < f.version:
		return tooOld(hello.From, f.version, hello.Supports)
	case hello.Version <= supported:
		return nil
	}
	err := tooOld(self, hello.Version, supported)
	if !f.identity.Formed() {
		f.obstacle = err.Error()
	}
	return err
}

// tooOld is the error of a member whose program can't read what the others write. It has no part in the cluster until it has another one.
func tooOld(id raft.ID, needed, supports lockfsm.Version) error {
	return fmt.Errorf("member %d is too old for the cluster: %w", id, &lockfsm.VersionError{Needed: needed, Supported: supports})
}

// judgeMember is the rule of a formed member.
func (f *formation) judgeMember(hello wire.Hello) error {
	at := slices.IndexFunc(f.known, func(m raft.Member) bool { return m.ID == hello.From })
	welcome := slices.ContainsFunc(f.known, func(m raft.Member) bool { return m.ID == hello.From && m.Incarnation == hello.Incarnation })
	switch cluster := wal.ClusterID(hello.Cluster); {
	case cluster != wal.ClusterID{} && cluster != f.identity.Cluster:
		return fmt.Errorf("member %d belongs to another cluster: it is of %v, and member %d of %v",
			hello.From, cluster, f.identity.Member, f.identity.Cluster)
	case welcome, f.knowsMore(hello):
		return nil
	case at < 0:
		return fmt.Errorf("member %d is unknown to the cluster %v, or was removed from it", hello.From, f.identity.Cluster)
	}
	return fmt.Errorf("member %d lost its data directory: its incarnation is %016x, and the cluster knows it by %016x. "+
		"It is not the member that promised: remove that one, and let this one join with an empty directory",
		hello.From, hello.Incarnation, f.known[at].Incarnation)
}

// knowsMore tells whether a member of this cluster is of a later membership than this one has heard of: it may lead, and then this member
// hears of that membership from it. Whether what it says counts is not decided here.
func (f *formation) knowsMore(hello wire.Hello) bool {
	m, found := find(hello.Membership, hello.From)
	return wal.ClusterID(hello.Cluster) == f.identity.Cluster && hello.Since > f.since && found && m.Incarnation == hello.Incarnation
}

// judgeHost is the rule of a node that is to join a cluster: the first member of one that counts this very directory as a member.
func (f *formation) judgeHost(hello wire.Hello) error {
	self, founded := f.identity.Member, wal.ClusterID(hello.Cluster) != wal.ClusterID{}
	m, found := find(hello.Membership, self)
	var err error
	switch {
	case !founded:
		err = fmt.Errorf("member %d waits to join a cluster, and member %d is of none yet", self, hello.From)
	case !found:
		err = fmt.Errorf("member %d waits to be added to the cluster %v, and member %d has not heard of that yet", self, wal.ClusterID(hello.Cluster), hello.From)
	case m.Incarnation != f.identity.Incarnation:
		err = fmt.Errorf("the cluster %v knows member %d by another data directory, of the incarnation %016x, and not by this one, of %016x: "+
			"remove that one first", wal.ClusterID(hello.Cluster), self, m.Incarnation, f.identity.Incarnation)
	}
	if err != nil {
		f.obstacle = err.Error()
		return err
	}
	f.decide(founding{cluster: wal.ClusterID(hello.Cluster)})
	return nil
}

// judgeFounder is the rule of a member that is not formed yet.
func (f *formation) judgeFounder(hello wire.Hello) error {
	if !slices.Contains(f.configured, hello.From) {
		return fmt.Errorf("member %d is unknown to member %d, whose members are %s", hello.From, f.identity.Member, names(f.configured))
	}
	founded := wal.ClusterID(hello.Cluster) != wal.ClusterID{}
	judge := f.judgePromise
	if founded {
		judge = f.judgeCluster
	}
	if err := judge(hello); err != nil {
		f.obstacle = err.Error()
		return err
	}
	if founded {
		f.decide(founding{wal.ClusterID(hello.Cluster), f.identity.Promised})
		return nil
	}
	f.heard[hello.From] = hello
	f.agree()
	return nil
}

// judgePromise decides whether this member, if it has made its choice, can found a cluster with one that is not formed either.
func (f *formation) judgePromise(hello wire.Hello) error {
	if len(f.chosen.Members) == 0 {
		return nil
	}
	if expected, _ := incarnation(f.chosen, hello.From); hello.Incarnation != expected {
		return void("member %d lost its data directory, or two nodes run under its name: its incarnation is %016x, and member %d has "+
			"promised to found a cluster with %016x", hello.From, hello.Incarnation, f.identity.Member, expected)
	}
	if len(hello.Membership.Members) > 0 && !same(hello.Membership, f.chosen) {
		return void("members %d and %d have promised to found different clusters: %s, and %s",
			hello.From, f.identity.Member, describe(hello.Membership), describe(f.chosen))
	}
	return nil
}

// void is the error of a promise that nobody can keep. It says what to do.
func void(format string, details ...any) error {
	return fmt.Errorf(format+". If no member has formed a cluster, check the lists of members, stop all nodes, empty their data "+
		"directories, which hold nothing yet, and start them again", details...)
}

// judgeCluster decides whether the cluster of a formed member is the one that this member is to be of: the one that its directory
// has promised.
func (f *formation) judgeCluster(hello wire.Hello) error {
	self := f.identity.Member
	expected, found := incarnation(hello.Membership, self)
	switch {
	case len(f.identity.Promised.Members) > 0 && clusterOf(f.identity.Promised) == wal.ClusterID(hello.Cluster):
		return nil // whatever has become of its membership since
	case !found || !slices.Equal(members(hello.Membership.Members), f.configured):
		return fmt.Errorf("member %d has formed a cluster of the members %s, but member %d is configured with %s",
			hello.From, names(members(hello.Membership.Members)), self, names(f.configured))
	case expected != f.identity.Incarnation:
		return fmt.Errorf("member %d lost its data directory: its incarnation is %016x, and the cluster was formed with %016x. "+
			"It is not the member that promised", self, f.identity.Incarnation, expected)
	}
	return fmt.Errorf("member %d has formed a cluster with member %d, whose data directory never agreed to it: "+
		"it is an older copy of the one that did", hello.From, self)
}

// agree does what can be done next: choose what to promise, or found what everybody has promised.
func (f *formation) agree() {
	if f.identity.Formed() {
		return
	}
	if len(f.configured) > 0 && len(f.chosen.Members) == 0 && len(f.missing()) == 0 && f.discord() == nil {
		f.chosen = f.directories()
		f.promising <- f.chosen
	}
	if len(f.identity.Promised.Members) > 0 && len(f.undecided()) == 0 {
		f.decide(founding{clusterOf(f.chosen), f.chosen})
	}
}

// missing are the members of which nothing was heard.
func (f *formation) missing() (ids []raft.ID) {
	for _, id := range f.configured {
		if _, heard := f.heard[id]; !heard && id != f.identity.Member {
			ids = append(ids, id)
		}
	}
	return ids
}

// undecided are the members that have not told of the promise that this one has given.
func (f *formation) undecided() (ids []raft.ID) {
	for _, member := range f.chosen.Members {
		if member.ID != f.identity.Member && !same(f.heard[member.ID].Membership, f.chosen) {
			ids = append(ids, member.ID)
		}
	}
	return ids
}

// discord says which member has promised something else than what this one would promise: nobody is served by
// one promise more that can't come true.
func (f *formation) discord() error {
	would := f.directories()
	for _, id := range f.configured {
		if other := f.heard[id].Membership; len(other.Members) > 0 && !same(other, would) {
			return void("member %d has promised to found a cluster of %s, and member %d has heard of %s",
				id, describe(other), f.identity.Member, describe(would))
		}
	}
	return nil
}

// directories are this member's and those that were heard of last.
func (f *formation) directories() (m raft.Membership) {
	for _, id := range f.configured {
		member := raft.Member{ID: id, Incarnation: f.heard[id].Incarnation}
		if id == f.identity.Member {
			member.Incarnation = f.identity.Incarnation
		}
		m.Members = append(m.Members, member)
	}
	return m
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
	if len(f.configured) == 0 {
		return errors.New("this node waits to be added to a cluster")
	}
	if len(f.chosen.Members) == 0 {
		if missing := f.missing(); len(missing) > 0 {
			return errors.New("the cluster is not formed: nothing was heard of the members " + names(missing))
		}
		return fmt.Errorf("the cluster is not formed: %w", f.discord())
	}
	if undecided := f.undecided(); len(undecided) > 0 {
		return errors.New("the cluster is not formed: this member waits for the promise of the members " + names(undecided))
	}
	return errors.New("the cluster is being formed")
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

// find is the member of that number, voter or not.
func find(m raft.Membership, id raft.ID) (raft.Member, bool) {
	for _, member := range m.All() {
		if member.ID == id {
			return member, true
		}
	}
	return raft.Member{}, false
}

func incarnation(m raft.Membership, id raft.ID) (uint64, bool) {
	member, found := find(m, id)
	return member.Incarnation, found
}

func same(a, b raft.Membership) bool { return slices.Equal(a.Members, b.Members) }

// describe lists members and their incarnations for people.
func describe(m raft.Membership) string {
	texts := make([]string, len(m.Members))
	for i, member := range m.Members {
		texts[i] = fmt.Sprintf("%d:%016x", member.ID, member.Incarnation)
	}
	return strings.Join(texts, ", ")
}

func members(list []raft.Member) []raft.ID {
	ids := make([]raft.ID, len(list))
	for i, member := range list {
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
