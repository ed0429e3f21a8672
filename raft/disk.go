package raft

import "time"

// disk is what a node knows of its own disk: which records were handed out, which
// of them are durable, and what waits for them.
type disk struct {
	written uint64 // sequence of the last record handed out by Drain
	durable uint64 // sequence up to which records are durable

	// What the next record must carry.
	promise  bool      // term or vote changed
	promises uint64    // sequence of the last record that carried such a change, or a snapshot
	snapshot *Snapshot // received, and not yet in a record
	unsaved  Index     // the first entry not yet in a record

	full bool // it has no room for more

	pending []pendingRecord
	stable  Index // the log is durable up to here
	held    []heldMessage

	// covered is how far a snapshot of the machine may reach: whatever this node was told until it handed
	// that entry out is durable.
	covered Index
}

// pendingRecord is on its way to the disk. When it is durable, so is the log up to last, and a snapshot may
// reach up to handed, the last entry that was handed out with it or after it. The disk has it since then.
type pendingRecord struct {
	sequence uint64
	last     Index
	handed   Index
	since    time.Duration
}

// heldMessage may leave when the record it rests on is durable, if its term is still the node's.
type heldMessage struct {
	sequence uint64
	term     Term
	envelope Envelope
}

// dirty tells whether anything waits to be put in a record.
func (n *Node) dirty() bool {
	return n.disk.promise || n.disk.snapshot != nil || n.disk.unsaved <= n.log.last()
}

// rest sends a message as soon as everything that this node has said, promised or stored up to
// now is durable (figure 2: "respond after updating stable storage").
func (n *Node) rest(to ID, message Message) {
	sequence := n.disk.written
	if n.dirty() {
		sequence++
	}
	envelope := n.envelope(to, message)
	if sequence <= n.disk.durable {
		n.deliver(envelope)
		return
	}
	n.hold(heldMessage{sequence, n.term, envelope})
}

// hold keeps a message until its record is durable. It takes the place of an older one that says the same kind of
// thing to the same member and rests on the same record: while a disk hangs for days, heartbeats go on.
func (n *Node) hold(h heldMessage) {
	held := n.disk.held
	for i := len(held) - 1; i >= 0 && held[i].sequence == h.sequence; i-- {
		if older := held[i]; older.term == h.term && older.envelope.To == h.envelope.To {
			if merged := supersede(older.envelope.Message, h.envelope.Message); merged != nil {
				held[i].envelope.Message = merged
				return
			}
		}
	}
	n.disk.held = append(held, h)
}

// supersede is what to send instead of two answers of one kind, nil if they are of different kinds.
func supersede(older, newer Message) Message {
	same := false
	switch a := newer.(type) {
	case *Appended:
		if b, is := older.(*Appended); is {
			return &Appended{Term: a.Term, Round: max(a.Round, b.Round), Match: max(a.Match, b.Match), Full: a.Full, Version: a.Version}
		}
	case *Mismatch:
		_, same = older.(*Mismatch)
	case *Lost:
		_, same = older.(*Lost)
	case *Sworn:
		_, same = older.(*Sworn)
	case *Bequest:
		_, same = older.(*Bequest)
	case *PreVoteReply:
		_, same = older.(*PreVoteReply)
	case *StaleTerm:
		_, same = older.(*StaleTerm)
	case *ChunkReceived:
		_, same = older.(*ChunkReceived)
	}
	if !same {
		return nil
	}
	return newer
}

// promised tells whether term and vote, and the snapshot that the log begins with, are durable.
func (n *Node) promised() bool {
	d := &n.disk
	return !d.promise && d.snapshot == nil && d.promises <= d.durable
}

func (n *Node) envelope(to ID, message Message) Envelope {
	return Envelope{From: n.id, To: to, Incarnation: n.config.Incarnation, Message: message}
}

// deliver puts an envelope in the outbox. What a member has to say to itself, its own vote, it hears at once.
func (n *Node) deliver(envelope Envelope) {
	if envelope.To != n.id {
		n.outbox = append(n.outbox, envelope)
		return
	}
	n.onVoteReply(n.id, envelope.Message.(*VoteReply))
}

// record collects what is not yet on its way to the disk.
func (n *Node) record() Record {
	if !n.dirty() || n.gathers() {
		return Record{}
	}
	d := &n.disk
	d.written++
	record := Record{
		Sequence: d.written,
		Term:     n.term,
		Vote:     n.vote,
		Snapshot: d.snapshot,
		Entries:  n.log.slice(d.unsaved, n.log.last()),
	}
	if d.promise || d.snapshot != nil {
		d.promises = d.written
	}
	d.promise, d.snapshot, d.unsaved = false, nil, n.log.last()+1
	if n.role == Leader {
		n.lead.gathered = 0
	}
	d.pending = append(d.pending, pendingRecord{sequence: d.written, last: n.log.last(), since: n.now})
	return record
}

// persisted releases what rested on records up to sequence. A message of an earlier term is
// dropped: the term has moved on, and whoever waits for it will ask again.
func (n *Node) persisted(sequence uint64) {
	d := &n.disk
	if sequence > d.written {
		fail("record %d is reported durable, but only %d were written", sequence, d.written)
	}
	if sequence <= d.durable {
		return
	}
	d.durable = sequence
	before, done := d.stable, 0
	for ; done < len(d.pending) && d.pending[done].sequence <= sequence; done++ {
		d.stable = max(d.stable, d.pending[done].last)
		d.covered = d.pending[done].handed
	}
	d.pending = append(d.pending[:0], d.pending[done:]...)
	if n.role == Leader {
		n.lead.unstable -= cost(n.log.from(before+1, d.stable))
	}
	n.release()
	if n.role == Leader {
		n.advanceCommit()
	}
}

// hand notes that everything committed is handed out to be applied, together with the record that was just collected.
func (n *Node) hand() {
	n.handed = n.commit
	if d := &n.disk; len(d.pending) > 0 {
		d.pending[len(d.pending)-1].handed = n.handed
	} else {
		d.covered = n.handed
	}
}

func (n *Node) release() {
	d := &n.disk
	waiting := d.held
	d.held = nil // delivering to oneself may hold new messages
	kept := waiting[:0]
	for _, h := range waiting {
		switch {
		case h.sequence > d.durable:
			kept = append(kept, h)
		case h.term == n.term:
			n.deliver(h.envelope)
		}
	}
	d.held = append(kept, d.held...)
}

// void takes back what earlier records said of entries at index and beyond, because those
// were cut. Without it, a completion that is still on its way would vouch for the
// new entries at the same indexes, which are not durable at all.
func (d *disk) void(index Index) {
	for i := range d.pending {
		d.pending[i].last = min(d.pending[i].last, index-1)
	}
	d.stable = min(d.stable, index-1)
	d.unsaved = min(d.unsaved, index)
}
