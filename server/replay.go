package server

import (
	"lockd/lockfsm"
	"lockd/raft"
)

// Replay is the machine that a snapshot and the entries behind it add up to, without a node.
func Replay(snapshot raft.Snapshot, entries []raft.Entry) (*lockfsm.Machine, error) {
	machine, err := restore(snapshot)
	if err != nil {
		return nil, err
	}
	var applied lockfsm.Applied
	for i := range entries {
		if err := step(machine, &entries[i], &applied); err != nil {
			return nil, err
		}
	}
	return machine, nil
}

// step applies an entry of the log. Those that are raft's own carry time all the same.
func step(machine *lockfsm.Machine, e *raft.Entry, applied *lockfsm.Applied) error {
	if e.Kind == raft.KindCommand {
		return machine.Apply(uint64(e.Index), e.Time, e.Data, applied)
	}
	machine.Advance(uint64(e.Index), e.Time, applied)
	return nil
}
