package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/wal"
)

// Recovery says what cluster is to succeed one that can't go on.
type Recovery struct {
	Members []raft.ID
	// Directory is made by the recovery, and in it one for each member, by its number. It must not exist.
	Directory string
	// Above is a token of another cluster that was recovered from other remains of the same one. Zero: there was none.
	Above lockfsm.Token
}

// Recovered is a cluster that can be started.
type Recovered struct {
	Cluster     wal.ClusterID
	Epoch       lockfsm.Epoch      // all its tokens lie above
	Directories map[raft.ID]string // each formed, and to be used once
}

// seedSegment is the length of a new directory's first segment: such a directory is to be copied to another machine.
const seedSegment = 64 << 10

// Recover makes the directories of a new cluster that knows no sessions and no holders, and whose tokens lie above all that the old
// one can grant and above all that is known of its other successors. The old directory stays as it was, but for the mark that retires it.
//
// They are not formed as those of a first start are, by promises over the network, because there is nothing to agree on: one process writes all of
// them. A directory of the old cluster is of another identity, and is refused by all of these.
//
// The new directory appears whole or not at all. Errors wrap fs.ErrExist, lockfsm.ErrNoMoreEpochs, wal.ErrDiskFull, or are those of the
// operating system.
func (r *Remains) Recover(recovery Recovery) (Recovered, error) {
	recovery.Directory = filepath.Clean(recovery.Directory)
	if err := r.Check(recovery); err != nil {
		return Recovered{}, err
	}
	epoch, err := lockfsm.NextEpoch(r.highest(recovery), mint())
	if err != nil {
		return Recovered{}, fmt.Errorf("recovery: %w", err)
	}
	first := raft.Snapshot{Index: raft.Index(epoch), Term: 1, Data: lockfsm.NewIn(epoch).Snapshot().Encode()}
	for _, id := range slices.Sorted(slices.Values(recovery.Members)) {
		first.Membership.Members = append(first.Membership.Members, raft.Member{ID: id, Incarnation: mint()})
	}
	recovered := Recovered{Cluster: clusterOf(first.Membership), Epoch: epoch, Directories: map[raft.ID]string{}}
	for _, id := range recovery.Members {
		recovered.Directories[id] = filepath.Join(recovery.Directory, strconv.FormatUint(uint64(id), 10))
	}
	return recovered, r.found(recovery.Directory, recovered.Cluster, first)
}

// Check says what stands in the way of a recovery, as far as can be told without doing it.
func (r *Remains) Check(recovery Recovery) error {
	_, err := lockfsm.NextEpoch(r.highest(recovery), 0)
	if err := errors.Join(err, recovery.validate()); err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	return nil
}

// highest is a token of the last epoch that is known to be taken.
func (r *Remains) highest(recovery Recovery) lockfsm.Token {
	return max(r.Machine.Last(), recovery.Above, lockfsm.Token(r.Successor.Index))
}

// found writes everything under another name first. The old directory is retired when all is there, and before anything can be started: a disk
// that is full costs nobody anything, and no successor is unknown to the next recovery.
func (r *Remains) found(directory string, cluster wal.ClusterID, first raft.Snapshot) error {
	unfinished := directory + ".unfinished"
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	err := seed(unfinished, cluster, first)
	if err == nil {
		err = r.retire(wal.Successor{Cluster: cluster, Index: first.Index})
	}
	if err == nil {
		err = os.Rename(unfinished, directory)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("recovery: %w", err), os.RemoveAll(unfinished))
	}
	return syncDirectory(filepath.Dir(directory))
}

// seed makes a formed directory for each member.
func seed(directory string, cluster wal.ClusterID, first raft.Snapshot) error {
	for _, member := range first.Membership.Members {
		path := filepath.Join(directory, strconv.FormatUint(uint64(member.ID), 10))
		if err := makeDirectory(path, syncDirectory); err != nil {
			return err
		}
		log, _, err := wal.Open(wal.OS(path), wal.Options{Member: member.ID, Incarnation: member.Incarnation, SegmentSize: seedSegment})
		if err != nil {
			return err
		}
		_, err = log.FormFrom(cluster, first)
		if err := errors.Join(err, log.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (r *Recovery) validate() error {
	ids := slices.Sorted(slices.Values(r.Members))
	switch {
	case len(ids) == 0 || len(ids) > wal.MaxMembers:
		return fmt.Errorf("a cluster has from 1 to %d members, not %d", wal.MaxMembers, len(ids))
	case ids[0] == 0 || len(slices.Compact(slices.Clone(ids))) < len(ids):
		return fmt.Errorf("the members %s are not different ones, from 1 on", names(ids))
	}
	_, err := os.Lstat(r.Directory)
	switch {
	case err == nil:
		return fmt.Errorf("%s: %w", r.Directory, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}
