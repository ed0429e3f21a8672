package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"lockd/raft"
)

// Salvage is what can be read of the directory of a cluster that has lost its majority. Nothing of it is changed: should the other
// members turn up after all, everything is as it was.
type Salvage struct {
	Identity Identity
	Snapshot raft.Snapshot // the newest that can be read
	// Entries follow the snapshot without a gap, each of them certainly as it was written. Whether the last of them were committed, one member
	// alone can't know.
	Entries []raft.Entry
	// Damage is what could not be read. Its entries are those that are missing behind Last; none, if something else makes it good.
	Damage []*DamageError
	// Successor is what the directory was retired for before. Zero: it is not.
	Successor Successor

	directory FS
	lock      io.Closer
}

// OpenSalvage takes the directory for this process and reads it, as far as it goes. Errors: ErrInUse, ErrUnformed, ErrNewerFormat, and
// *DamageError if it can't be told whose it is, or no snapshot is left.
func OpenSalvage(directory FS) (*Salvage, error) {
	lock, err := directory.Lock()
	if err != nil {
		return nil, fmt.Errorf("salvage: %w", err)
	}
	s := &Salvage{directory: directory, lock: lock}
	if err := s.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("salvage: %w", err), lock.Close())
	}
	return s, nil
}

// Retire makes it durable that the cluster goes on as another one, before anybody can start that: two clusters never come from one
// directory without the second knowing of the first. Open refuses the directory from then on.
func (s *Salvage) Retire(to Successor) error {
	if to.Index <= s.Successor.Index || to.Cluster == (ClusterID{}) {
		panic(fmt.Sprintf("wal: a directory whose successor is %+v is retired for %+v", s.Successor, to))
	}
	err := s.directory.Remove(successorFile + newSuffix) // of a retirement that did not come to its end
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = writeSuccessor(s.directory, to)
	}
	if err != nil {
		return fmt.Errorf("retire directory: %w", err)
	}
	s.Successor = to
	return nil
}

// Last is the index of the last entry that can be read.
func (s *Salvage) Last() raft.Index { return s.Snapshot.Index + raft.Index(len(s.Entries)) }

// Close gives the directory free.
func (s *Salvage) Close() error { return s.lock.Close() }

func (s *Salvage) read() error {
	files, err := list(s.directory)
	if err != nil {
		return err
	}
	identity, _, found, err := readIdentity(s.directory)
	switch {
	case err != nil:
		return err
	case !found && len(files.segments)+len(files.snapshots) > 0:
		return &DamageError{File: identityFile, Reason: "the file is missing"}
	case !identity.Formed():
		return ErrUnformed
	}
	s.Identity = identity
	if files.retired {
		if s.Successor, err = readSuccessor(s.directory); err != nil {
			return err
		}
	}
	if err := s.readSnapshot(files.snapshots); err != nil {
		return err
	}
	if err := s.readLog(files.segments); err != nil {
		return err
	}
	s.bound()
	return nil
}

// readSnapshot finds the newest snapshot that is whole.
func (s *Salvage) readSnapshot(indexes []raft.Index) (err error) {
	shelf := shelf{directory: s.directory}
	for _, index := range slices.Backward(indexes) {
		if index == 0 {
			break // it stands for no state: that was lost, or has not come yet
		}
		if s.Snapshot, err = shelf.load(index); err == nil {
			return nil
		}
		if err := s.note(err); err != nil {
			return err
		}
	}
	if len(s.Damage) > 0 {
		return s.Damage[0]
	}
	return &DamageError{File: snapshotName(1), Reason: "there is no snapshot"}
}

// readLog reads on from the snapshot, up to the first record that is not certainly whole.
func (s *Salvage) readLog(segments []uint32) error {
	reading := recovery{directory: s.directory}
	survived, err := reading.read(segments)
	if survived != nil {
		s.Damage = append(s.Damage, survived)
	}
	if err := s.note(err); err != nil {
		return err
	}
	log := &reading.replay
	if log.first > s.Snapshot.Index+1 {
		under := segment{number: segments[0]}
		return s.note(&DamageError{File: under.name(), Reason: "the snapshot that the log goes on from can't be read"})
	}
	log.forget(s.Snapshot.Index, s.Snapshot.Term)
	s.Entries = log.entries
	return nil
}

// note takes damage down, and passes on what is none.
func (s *Salvage) note(err error) error {
	if damage, is := errors.AsType[*DamageError](err); is {
		s.Damage = append(s.Damage, damage)
		return nil
	}
	return err
}

// bound says of each damage what is missing for it. Reading the log ended where it is damaged, whatever stands behind; a damaged snapshot
// may be made good by an older one and the log.
func (s *Salvage) bound() {
	for _, damage := range s.Damage {
		_, snapshot := snapshotIndex(damage.File)
		switch {
		case !snapshot:
			damage.First, damage.Last = s.Last()+1, 0
		case damage.Last > s.Last():
			damage.First = s.Last() + 1
		default:
			damage.First, damage.Last = 0, 0
		}
	}
}
