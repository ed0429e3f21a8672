package daemon

import (
	"crypto/sha256"
	"fmt"
	"os"

	"lockd/lockfsm"
	"lockd/raft"
	"lockd/server"
	"lockd/wal"
)

// Remains are what is left of a cluster that can't go on: one of its data directories, or a snapshot that was saved of it.
type Remains struct {
	// Name is what somebody has to know who gives the cluster up: its identity, or, of a saved snapshot, which does not tell, a digest.
	Name   string
	Member raft.ID // whose directory it is; zero: it is a saved snapshot
	// Machine is as of the last entry that can be read, whether that was committed or not: one member alone can't know. It does not
	// matter, since nothing is taken over but the generation of its tokens, which no entry changes.
	Machine *lockfsm.Machine
	Damage  []*wal.DamageError
	// Successor is another cluster that was recovered from the same directory before. Zero: none.
	Successor wal.Successor

	directory string
	salvage   *wal.Salvage // nil: it is a saved snapshot
}

// ExamineDirectory reads what is left in a data directory, and changes nothing. Nobody else can use the directory until Close. Errors
// wrap those of wal.OpenSalvage.
func ExamineDirectory(directory string) (*Remains, error) {
	salvage, err := wal.OpenSalvage(wal.OS(directory))
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", directory, err)
	}
	machine, err := server.Replay(salvage.Snapshot, salvage.Entries)
	if err != nil {
		_ = salvage.Close() // nothing was written
		return nil, fmt.Errorf("data directory %s: %w", directory, err)
	}
	return &Remains{
		Name: salvage.Identity.Cluster.String(), Member: salvage.Identity.Member, Machine: machine,
		Damage: salvage.Damage, Successor: salvage.Successor, directory: directory, salvage: salvage,
	}, nil
}

// ExamineSnapshot reads a snapshot that a client has saved.
func ExamineSnapshot(path string) (*Remains, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("saved snapshot: %w", err)
	}
	machine, err := lockfsm.Restore(content)
	if err != nil {
		return nil, fmt.Errorf("saved snapshot %s: %w", path, err)
	}
	digest := sha256.Sum256(content)
	return &Remains{Name: fmt.Sprintf("%x", digest[:16]), Machine: machine}, nil
}

// Close gives the directory free.
func (r *Remains) Close() error {
	if r.salvage == nil {
		return nil
	}
	return r.salvage.Close()
}

// retire marks the directory, before the successor can be started.
func (r *Remains) retire(successor wal.Successor) error {
	if r.salvage == nil {
		return nil
	}
	if err := r.salvage.Retire(successor); err != nil {
		return fmt.Errorf("data directory %s: %w", r.directory, err)
	}
	r.Successor = successor
	return nil
}
