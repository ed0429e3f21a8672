package library

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// members is how many a group has.
const members = 3

// The same for all.
const (
	heartbeat = 50 * time.Millisecond
	election  = 500 * time.Millisecond
	// patience bounds how long a group may take until it has a leader.
	patience = 20 * time.Second
)

// Library is one that can be measured.
type Library struct {
	Name     string
	Module   string   // whose version is told
	Settings string   // what it runs with
	Choices  []string // in a sentence each, what was chosen where there was a choice, and why
	start    func(folders []string) (Group, error)
}

// All are those that are measured, ours first.
func All() []Library { return []Library{ours(), etcdRaft(), dragonboatRaft(), hashicorpRaft()} }

// Group is a cluster in this process.
type Group interface {
	// Proposer makes a function for one worker, which has one command at a time replicated: it returns when a majority has it on disk and the
	// leader has applied it. The command is the group's then.
	Proposer() func(command []byte) error
	Close() error
}

// Start makes a group with its logs below folder, and waits until it has a leader.
func (l Library) Start(folder string) (Group, error) {
	folders := make([]string, members)
	for i := range folders {
		folders[i] = filepath.Join(folder, fmt.Sprint(i+1))
		if err := os.MkdirAll(folders[i], 0o700); err != nil {
			return nil, err
		}
	}
	group, err := l.start(folders)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name, err)
	}
	propose, deadline := group.Proposer(), time.Now().Add(patience)
	for {
		err := propose([]byte("is anybody there"))
		if err == nil {
			return group, nil
		}
		if time.Now().After(deadline) {
			_ = group.Close() // that nobody leads is the better news
			return nil, fmt.Errorf("%s: nobody leads: %w", l.Name, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
