package growth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockd/bench/service"
	"lockd/bench/workload"
	"lockd/lockfsm"
	"lockd/raft"
	"lockd/wal"
)

const (
	valueBytes       = 1024 // of each lock that the log tells of
	entriesPerRecord = 64
	recordsPerSync   = 64
)

// Recover gives a cluster of one a log of so many MiB that no snapshot stands for, as if it had been killed before it took one, and tells how
// long it takes from its start to its first grant.
func Recover(ctx context.Context, lockd *service.System, folder string, mebibytes int) (workload.Figures, error) {
	c, err := lockd.WithServers(1).Start(ctx, folder, service.Timing{})
	if err != nil {
		return nil, err
	}
	defer c.Stop()
	node := c.Processes[0]
	node.Kill()
	entries, err := fill(node.Data, mebibytes<<20)
	if err != nil {
		return nil, fmt.Errorf("filling the log: %w", err)
	}
	began := time.Now()
	if err := node.Start(); err != nil {
		return nil, err
	}
	// The first question is asked anew all the time, while a client that waits for a grant would pause between its attempts to connect.
	if err := errors.Join(c.AwaitAll(ctx), c.AwaitGrant(ctx)); err != nil {
		return nil, err
	}
	figures := workload.Figures{RecoveryTime: time.Since(began).Seconds(), Entries: float64(entries)}
	return figures, addMemory(ctx, c, figures)
}

// fill appends commands to a member's log until they have so many bytes, in the way in which the node itself appends them.
func fill(directory string, bytes int) (entries int, err error) {
	log, recovered, err := wal.Open(wal.OS(directory), wal.Options{Member: 1, Incarnation: 1}) // it keeps the incarnation that it has
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	w, err := newWriter(recovered.Stored)
	if err != nil {
		return 0, err
	}
	for record := 1; w.bytes < bytes; record++ {
		if err := log.Append(raft.Record{Term: w.term, Vote: w.vote, Entries: w.next(entriesPerRecord)}); err != nil {
			return 0, err
		}
		if record%recordsPerSync == 0 {
			if err := errors.Join(log.Sync(), log.Prepare()); err != nil {
				return 0, err
			}
		}
	}
	return w.entries, log.Sync()
}

// writer goes on with a log: one session acquires and releases locks in turn. It applies what it writes, because who releases a lock has to know
// its token.
type writer struct {
	machine  *lockfsm.Machine
	term     raft.Term
	vote     raft.ID
	last     raft.Index
	time     time.Duration
	session  lockfsm.SessionID
	sequence lockfsm.Sequence
	value    []byte
	token    lockfsm.Token // of the lock that is held; zero: none is
	bytes    int
	entries  int
}

func newWriter(stored raft.Stored) (*writer, error) {
	w := &writer{
		machine: lockfsm.New(), term: stored.Term, vote: stored.Vote, last: stored.Snapshot.Index, time: stored.Snapshot.Time,
		value: make([]byte, valueBytes),
	}
	if len(stored.Snapshot.Data) > 0 {
		machine, err := lockfsm.Restore(stored.Snapshot.Data)
		if err != nil {
			return nil, err
		}
		w.machine = machine
	}
	for _, entry := range stored.Entries {
		w.last, w.time = entry.Index, entry.Time
		if entry.Kind != raft.KindCommand {
			continue
		}
		if err := w.machine.Apply(uint64(entry.Index), entry.Time, entry.Data, new(lockfsm.Applied)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *writer) next(count int) []raft.Entry {
	entries := make([]raft.Entry, count)
	for i := range entries {
		entries[i] = w.entry()
	}
	return entries
}

func (w *writer) entry() raft.Entry {
	w.last++
	w.entries++
	entry := raft.Entry{Index: w.last, Term: w.term, Kind: raft.KindCommand, Time: w.time, Data: lockfsm.Oldest.Encode(nil, w.command())}
	w.bytes += len(entry.Data)
	var applied lockfsm.Applied
	if err := w.machine.Apply(uint64(w.last), w.time, entry.Data, &applied); err != nil {
		panic(err) // of a command that was made here
	}
	if applied.Result.Status != lockfsm.OK {
		panic(fmt.Sprintf("growth: entry %d is refused with status %d", w.last, applied.Result.Status))
	}
	if w.session == 0 {
		w.session = applied.Result.Session
		return entry
	}
	if w.token == 0 {
		w.token = applied.Result.Token
	} else {
		w.token = 0
	}
	return entry
}

func (w *writer) command() lockfsm.Command {
	if w.session == 0 {
		return lockfsm.Open{Nonce: 1, TTL: holding.TTL, Owner: "bench"}
	}
	w.sequence++
	request := lockfsm.Request{Session: w.session, Sequence: w.sequence, Acknowledged: w.sequence - 1}
	if w.token != 0 {
		return lockfsm.Release{Request: request, Name: "logged", Token: w.token}
	}
	return lockfsm.Acquire{Request: request, Name: "logged", Value: w.value, Wait: lockfsm.NoWait}
}
