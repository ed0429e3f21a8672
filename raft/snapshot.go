package raft

import (
	"hash/crc32"
	"time"
)

// installation is a snapshot on its way to a follower, one chunk at a time.
type installation struct {
	snapshot Snapshot
	sum      uint64
	offset   uint64 // the follower has this much
	sent     time.Duration
	due      time.Duration // when the next chunk may leave, or the last one is sent again
}

// assembly is a snapshot that a follower has received in part. A connection that breaks and a leader that changes leave
// it as it is: whoever sends the same snapshot, to the bit, goes on where the last one stopped.
type assembly struct {
	index Index
	term  Term
	total uint64
	sum   uint64
	data  []byte
}

func (a *assembly) of(m *Chunk) bool {
	return a != nil && a.index == m.Index && a.term == m.IndexTerm && a.total == m.Total && a.sum == m.Sum
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) uint64 { return uint64(crc32.Checksum(data, castagnoli)) }

// SnapshotAt describes the snapshot that the machine may take at an index: all but its data. The
// index must be committed, and not behind the last snapshot.
func (n *Node) SnapshotAt(index Index) Snapshot {
	assert(index <= n.commit && n.log.knows(index), "no snapshot can be taken at %d: committed up to %d", index, n.commit)
	at := Snapshot{Index: index, Term: n.log.term(index), Membership: n.membershipAt(index)}
	if index == n.log.snapshot.Index {
		at.Time = n.log.snapshot.Time
	} else {
		at.Time = n.log.at(index).Time
	}
	return at
}

// Covered is how far a snapshot may reach that is being made durable now. The entries that were handed out behind it
// rest on records which are still on their way to the disk. If a snapshot overtook them, a power loss could leave it beside
// a term of the past: the member would then take a deposed leader for the current one, whose entries
// contradict what the snapshot says was chosen.
func (n *Node) Covered() Index { return n.disk.covered }

// Latest is the last snapshot: the machine's own, which is durable, or the leader's, which may
// still be on its way to the disk. Index 0: none.
func (n *Node) Latest() Snapshot { return n.log.snapshot }

// compact forgets the entries that the machine's own snapshot stands for.
func (n *Node) compact(snapshot Snapshot) {
	if snapshot.Index <= n.log.snapshot.Index {
		return // a newer one came from the leader meanwhile
	}
	assert(snapshot.Index <= n.disk.covered, "a snapshot at %d became durable before the records that it rests on, which reach to %d", snapshot.Index, n.disk.covered)
	n.log.compact(snapshot, n.config.KeepBytes)
	n.compactMemberships(snapshot.Index)
}

func (p *peer) beginInstall(snapshot Snapshot) {
	p.probe(snapshot.Index + 1)
	p.mode = installing
	p.install = installation{snapshot: snapshot, sum: checksum(snapshot.Data)}
}

// feedInstall sends the next chunk, or repeats one that was not answered for an election timeout.
func (n *Node) feedInstall(p *peer) {
	in := &p.install
	if n.now < in.due {
		return
	}
	in.sent, in.due = n.now, n.now+n.config.ElectionTimeout
	total := uint64(len(in.snapshot.Data))
	end := min(in.offset+uint64(n.config.ChunkBytes), total)
	n.outbox = append(n.outbox, n.envelope(p.id, &Chunk{
		Term:       n.term,
		Round:      n.lead.round,
		Index:      in.snapshot.Index,
		IndexTerm:  in.snapshot.Term,
		Time:       in.snapshot.Time,
		Membership: in.snapshot.Membership,
		Offset:     in.offset,
		Total:      total,
		Sum:        in.sum,
		Data:       in.snapshot.Data[in.offset:end:end],
	}))
}

func (n *Node) onChunkReceived(from ID, m *ChunkReceived) {
	p := n.hear(from, m.Round)
	if p == nil {
		return
	}
	n.releaseReads()
	in := &p.install
	if p.mode != installing || m.Index != in.snapshot.Index || m.Offset > uint64(len(in.snapshot.Data)) {
		return
	}
	if m.Offset != in.offset {
		// A follower that takes chunks as fast as they come must not cost the others their leader's time.
		in.offset, in.due = m.Offset, in.sent+n.config.ChunkPause
	}
}

// onChunk takes a piece of the leader's snapshot (Raft §7, figure 13).
func (n *Node) onChunk(from ID, m *Chunk) {
	n.follow(from)
	if m.Index <= n.commit || n.log.matches(m.Index, m.IndexTerm) {
		// The log reaches as far by itself. What the snapshot covers is committed.
		n.commitTo(m.Index)
		n.incoming = nil
		n.rest(from, &Appended{Term: n.term, Round: m.Round, Match: m.Index, Full: n.disk.full, Version: n.config.Version})
		return
	}
	snapshot := n.gather(m)
	if snapshot == nil {
		n.rest(from, &ChunkReceived{Term: n.term, Round: m.Round, Index: m.Index, Offset: uint64(len(n.incoming.data))})
		return
	}
	n.installSnapshot(*snapshot)
	n.rest(from, &Appended{Term: n.term, Round: m.Round, Match: m.Index, Full: n.disk.full, Version: n.config.Version})
}

// gather puts a piece to those that have come. It returns the snapshot when it is complete.
func (n *Node) gather(m *Chunk) *Snapshot {
	if !n.incoming.of(m) {
		n.incoming = &assembly{index: m.Index, term: m.IndexTerm, total: m.Total, sum: m.Sum}
	}
	in := n.incoming
	if m.Offset == uint64(len(in.data)) {
		in.data = append(in.data, m.Data...)
	}
	if uint64(len(in.data)) == m.Total && checksum(in.data) != m.Sum {
		in.data = nil // it came from two places that are not the same, or lost a bit: once more
	}
	if uint64(len(in.data)) < m.Total {
		return nil
	}
	return &Snapshot{Index: m.Index, Term: m.IndexTerm, Time: m.Time, Membership: m.Membership, Data: in.data}
}

// installSnapshot replaces log and machine. Nothing that was on its way to the disk says anything about the new log.
func (n *Node) installSnapshot(snapshot Snapshot) {
	n.disk.void(1)
	n.log.restore(snapshot)
	n.memberships, n.regrouped = findMemberships(&n.log), true
	n.disk.snapshot, n.disk.unsaved = &snapshot, snapshot.Index+1
	n.install, n.incoming = &snapshot, nil
	n.commitTo(snapshot.Index)
	n.handed = snapshot.Index
	if n.damage != nil {
		n.damage.agreed = snapshot.Index // an earlier leader may have agreed with more, of which nothing is left
	}
	n.agree(snapshot.Index)
}
