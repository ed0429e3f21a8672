package wal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"lockd/raft"
)

// DefaultSegmentSize is the length of a segment unless Options say otherwise.
const DefaultSegmentSize = 16 << 20

// Options say what Open may find.
type Options struct {
	// Member is whose directory it must be.
	Member raft.ID
	// Incarnation is given to a directory that was never used, drawn at random so that no
	// two are ever the same. A directory that has one keeps it. Not zero.
	Incarnation uint64
	// Cluster is the cluster a formed directory must belong to; zero: any.
	Cluster ClusterID
	// SegmentSize is in bytes; zero: DefaultSegmentSize. It may differ from one opening to
	// the next, and a record that is longer gets a segment of its own size.
	SegmentSize int64
}

// Recovered is what Open found.
type Recovered struct {
	Identity Identity
	// Stored is empty while the cluster is not formed. All of it is durable.
	Stored raft.Stored
	// Damaged is what Open found damaged, and did not refuse: Stored.Damage says what has to be got back from the other members.
	// If that is nil, what was lost is made good, or held nothing. Nil: nothing was damaged.
	Damaged *DamageError
}

// Open takes the directory for this process, reads it, and makes durable what it read. A
// directory that was never used becomes the member's, of no cluster yet: see Log.Form.
//
// A log that has lost something in its middle is opened too: Recovered says what.
//
// Errors: ErrInUse, ErrWrongMember, ErrWrongCluster, ErrNewerFormat, ErrRetired, ErrDiskFull, and
// *DamageError if something that was durable cannot be read and nobody can tell what the member has promised; nothing that anyone still
// needs is changed then, and the directory is free again.
func Open(directory FS, options Options) (*Log, Recovered, error) {
	if options.Member == 0 || options.Incarnation == 0 {
		panic("wal: open needs a member and an incarnation")
	}
	lock, err := directory.Lock()
	if err != nil {
		return nil, Recovered{}, fmt.Errorf("open log: %w", err)
	}
	l := &Log{directory: directory, lock: lock, shelf: shelf{directory: directory}, segmentSize: options.SegmentSize}
	l.shelf.rot = &l.rot
	if l.segmentSize == 0 {
		l.segmentSize = DefaultSegmentSize
	}
	recovered, err := l.open(options)
	if err != nil {
		return nil, Recovered{}, errors.Join(fmt.Errorf("open log: %w", err), l.Close())
	}
	return l, recovered, nil
}

func (l *Log) open(options Options) (Recovered, error) {
	// The names that a killed process left may be in the system's memory only.
	if err := l.directory.SyncDir(); err != nil {
		return Recovered{}, err
	}
	files, err := list(l.directory)
	if err != nil {
		return Recovered{}, err
	}
	if err := l.openIdentity(options, files); err != nil {
		return Recovered{}, err
	}
	if !l.identity.Formed() {
		return Recovered{Identity: l.identity, Damaged: l.worn}, files.remove(l.directory)
	}
	return l.recover(files)
}

// openIdentity reads the identity, or gives one to a directory that was never used. Only
// then is it certain that the directory is ours, and that what was left half-written may go.
func (l *Log) openIdentity(options Options, files files) error {
	if files.retired {
		return retired(l.directory)
	}
	identity, worn, found, err := readIdentity(l.directory)
	if err != nil {
		return err
	}
	if !found && len(files.segments)+len(files.snapshots) > 0 {
		return &DamageError{File: identityFile, Reason: "the file is missing"}
	}
	if found {
		l.identity = identity
		err = identity.check(options)
	}
	if err == nil {
		err = files.removeLeftovers(l.directory)
	}
	if err == nil && worn != nil {
		l.worn = worn
		return l.setIdentity(identity)
	}
	if err != nil || found {
		return err
	}
	return l.setIdentity(Identity{Member: options.Member, Incarnation: options.Incarnation})
}

func (l *Log) setIdentity(identity Identity) error {
	write := func(file File) error {
		_, err := file.WriteAt(encodeIdentity(identity), 0)
		return err
	}
	if err := replaceFile(l.directory, identityFile, identitySize, write); err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	l.identity = identity
	return nil
}

// Promise makes it durable that this directory has agreed to found a cluster with the membership, and that it never will with
// another one: a promise is given once in a directory's life. A crash leaves it promised or not.
//
// ErrDiskFull: nothing is promised, try again. Promise panics if the directory is formed, if it has promised something else,
// or if there are no members or more than MaxMembers.
func (l *Log) Promise(membership raft.Membership) error {
	if count := len(membership.Members); l.identity.Formed() || count == 0 || count > MaxMembers {
		panic(fmt.Sprintf("wal: a promise of %d members, of a directory that is formed: %t", count, l.identity.Formed()))
	}
	l.mustHavePromised(membership)
	if err := l.usable(); err != nil {
		return err
	}
	identity := l.identity
	identity.Promised = membership
	return l.outcome(l.setIdentity(identity))
}

// mustHavePromised is where a promise is enforced: nothing or this.
func (l *Log) mustHavePromised(membership raft.Membership) {
	if promised := l.identity.Promised.Members; len(promised) > 0 && !slices.Equal(promised, membership.Members) {
		panic(fmt.Sprintf("wal: the directory has promised %v, and can't turn to %v", promised, membership.Members))
	}
}

// Form makes this the directory of a member of the cluster, whose log begins, as every
// member's does, with an empty snapshot at index 1 of term 1 that holds the membership.
// It returns what a later Open would. A crash leaves the directory formed or unformed.
//
// ErrDiskFull: still unformed, try again. Form panics if the directory is formed already, or has promised another
// membership.
func (l *Log) Form(cluster ClusterID, membership raft.Membership) (raft.Stored, error) {
	return l.FormFrom(cluster, raft.Snapshot{Index: 1, Term: 1, Membership: membership})
}

// FormFrom is Form for a cluster that succeeds another one: its log begins with a snapshot that says where to count on.
func (l *Log) FormFrom(cluster ClusterID, first raft.Snapshot) (raft.Stored, error) {
	if l.identity.Formed() || cluster == (ClusterID{}) {
		panic("wal: a directory is formed once, with a cluster that is not zero")
	}
	l.mustHavePromised(first.Membership)
	if err := l.usable(); err != nil {
		return raft.Stored{}, err
	}
	if err := l.form(cluster, first); err != nil {
		return raft.Stored{}, l.outcome(fmt.Errorf("form cluster: %w", err))
	}
	return raft.Stored{Term: first.Term, Snapshot: first}, nil
}

// Join makes this the directory of a node that joins a cluster which others have founded: its log is empty, and the leader sends it what it
// lacks. It returns what a later Open would. A crash leaves the directory joined or not.
//
// ErrDiskFull: not joined, try again. Join panics if the directory is of a cluster already, or has promised to found one.
func (l *Log) Join(cluster ClusterID) (raft.Stored, error) {
	if l.identity.Formed() || cluster == (ClusterID{}) || len(l.identity.Promised.Members) > 0 {
		panic("wal: a directory joins one cluster, and none if it has promised to found one")
	}
	if err := l.usable(); err != nil {
		return raft.Stored{}, err
	}
	if err := l.form(cluster, raft.Snapshot{}); err != nil {
		return raft.Stored{}, l.outcome(fmt.Errorf("join cluster: %w", err))
	}
	return raft.Stored{}, nil
}

// form writes the identity last: whatever else is there before it counts as nothing.
func (l *Log) form(cluster ClusterID, first raft.Snapshot) error {
	if err := l.unform(); err != nil {
		return err
	}
	if err := l.shelf.save(first); err != nil {
		return err
	}
	if err := l.roll(0); err != nil {
		return err
	}
	l.epoch = 1
	beginning := base{kind: baseReplace, index: first.Index, term: first.Term}
	if err := l.append(record{term: first.Term, base: beginning}); err != nil {
		return err
	}
	if err := l.sync(); err != nil {
		return err
	}
	identity := l.identity
	identity.Cluster, identity.Promised = cluster, raft.Membership{}
	return l.setIdentity(identity)
}

// unform takes back what an earlier Form did before the disk was full.
func (l *Log) unform() error {
	for _, s := range []*segment{l.tail, l.next} {
		if s == nil {
			continue
		}
		if err := s.file.Close(); err != nil {
			return err
		}
	}
	l.tail, l.next, l.sequence, l.synced, l.pending = nil, nil, 0, 0, nil
	l.shelf.indexes = nil
	files, err := list(l.directory)
	if err != nil {
		return err
	}
	return files.remove(l.directory)
}

// recover reads a formed directory. It changes nothing before all of it has been read, and then nothing that anybody may still need.
func (l *Log) recover(files files) (Recovered, error) {
	reading := recovery{directory: l.directory}
	if n := len(files.snapshots); n > 0 {
		reading.received = files.snapshots[n-1]
	}
	damaged, err := reading.read(files.segments)
	if err != nil {
		return Recovered{}, err
	}
	snapshot, lost, err := l.shelf.recover(files.snapshots, reading.replay.first)
	if err != nil {
		return Recovered{}, err
	}
	damaged = cmp.Or(damaged, lost, l.worn)
	if err := l.goOn(&reading, snapshot, lost != nil); err != nil {
		return Recovered{}, err
	}
	if err := l.shelf.clear(files.snapshots); err != nil {
		return Recovered{}, err
	}
	stored := raft.Stored{
		Term: l.term, Vote: l.vote, Snapshot: snapshot, Entries: reading.replay.entries, Damage: reading.replay.damage,
	}
	return Recovered{Identity: l.identity, Stored: stored, Damaged: damaged}, nil
}

// goOn puts the snapshot under what was read, and makes the log ready for records: where it ended, or if it is broken, anew.
func (l *Log) goOn(reading *recovery, snapshot raft.Snapshot, fallen bool) error {
	broken := reading.broken
	if first := reading.replay.first; first > snapshot.Index+1 || first == 0 && fallen {
		reading.replay.detach(snapshot)
		broken = true
	}
	under := base{kind: baseUnder, index: snapshot.Index, term: snapshot.Term}
	if reading.replay.forget(snapshot.Index, snapshot.Term) {
		under.kind = baseReplace
	}
	if d := reading.replay.damage; d != nil && d.Doubt && snapshot.Term > reading.replay.term {
		// The snapshot was received when the doubt was over, and the record that said so is lost. A record of the snapshot's
		// term behind that of the doubt would end it, though nobody has answered: it begins anew as well.
		broken = true
	}
	l.adopt(reading, snapshot)
	l.claim = claimOf(reading.replay.damage)
	if broken {
		err := l.anew(reading, snapshot)
		if err == nil {
			l.first = l.tail.number
		}
		return err
	}
	if reading.began != nil {
		l.first = reading.began.number
	}
	return l.begin(reading, under)
}

// adopt takes over what was read.
func (l *Log) adopt(reading *recovery, snapshot raft.Snapshot) {
	l.epoch = reading.newestEpoch + 1
	l.sequence = reading.sequence
	l.term, l.vote = reading.replay.term, reading.replay.vote
	if snapshot.Term > l.term {
		// The snapshot was received, but its record was lost: no vote in its term was given.
		l.term, l.vote = snapshot.Term, 0
	}
}

// begin makes the log ready for records, the first of which says that a new epoch began
// and which snapshot is under the log.
func (l *Log) begin(reading *recovery, under base) error {
	l.tail = reading.ended
	if err := reading.repair(); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	l.synced = l.sequence
	l.sealed = reading.segments[:len(reading.segments)-1]
	if err := l.append(record{term: l.term, vote: l.vote, base: under}); err != nil {
		return err
	}
	return l.sync()
}

// recover loads the newest snapshot that is whole. What those that are not stood for may be in the log as well, whose entries begin with
// first, or have to come from the other members. If none is whole there is another one from now on, which stands for nothing: the machine's state
// has to come from a leader. It tells only who belonged to the cluster, so that the others can be found, as far as that can be read.
func (s *shelf) recover(indexes []raft.Index, first raft.Index) (raft.Snapshot, *DamageError, error) {
	var damaged *DamageError
	var nothing raft.Snapshot
	for i, index := range slices.Backward(indexes) {
		snapshot, err := s.load(index)
		if err == nil {
			s.indexes = indexes[:i+1]
			if damaged == nil && first > index+1 {
				damaged = &DamageError{File: snapshotName(first - 1), First: 1, Last: first - 1, Reason: "the snapshot under the log is missing"}
			}
			return snapshot, damaged, nil
		}
		damage, is := errors.AsType[*DamageError](err)
		if !is {
			return raft.Snapshot{}, nil, err
		}
		if damaged == nil {
			damaged = damage
		}
		if len(nothing.Membership.Members) == 0 {
			nothing.Membership = snapshot.Membership
		}
	}
	if damaged == nil {
		damaged = &DamageError{File: snapshotName(1), Reason: "there is no snapshot"}
	}
	return nothing, damaged, s.save(nothing)
}

// clear removes those of the snapshots found that are damaged.
func (s *shelf) clear(found []raft.Index) error {
	for _, index := range found {
		if !slices.Contains(s.indexes, index) {
			if err := removeDurably(s.directory, snapshotName(index)); err != nil {
				return err
			}
		}
	}
	return nil
}

// files are the names in the directory, sorted by kind and number.
type files struct {
	segments  []uint32
	snapshots []raft.Index
	leftovers []string
	retired   bool
}

func list(directory FS) (files, error) {
	names, err := directory.List()
	if err != nil {
		return files{}, err
	}
	var found files
	for _, name := range names {
		if number, ok := segmentNumber(name); ok {
			found.segments = append(found.segments, number)
		} else if index, ok := snapshotIndex(name); ok {
			found.snapshots = append(found.snapshots, index)
		} else if isLeftover(name) {
			found.leftovers = append(found.leftovers, name)
		} else if name == successorFile {
			found.retired = true
		}
	}
	return found, nil
}

func (f files) removeLeftovers(directory FS) error {
	for _, name := range f.leftovers {
		if err := directory.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes all segments and snapshots.
func (f files) remove(directory FS) error {
	for _, number := range f.segments {
		if err := directory.Remove((&segment{number: number}).name()); err != nil {
			return err
		}
	}
	for _, index := range f.snapshots {
		if err := directory.Remove(snapshotName(index)); err != nil {
			return err
		}
	}
	return directory.SyncDir()
}
