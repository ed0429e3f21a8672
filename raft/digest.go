package raft

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// AppendState appends everything that a drained node's future depends on, in one way only: two nodes with the same bytes do the same
// from now on, whatever they are told. Members appear under the names that rename gives them, and in the order of those names, so that states
// which differ in nothing but who is who can be recognised as one.
//
// Two things are left to the caller. The first is time: of the clocks only what they have decided is told, such as whether a leader is
// still heard. Nodes with the same bytes do the same if time is for both of them either short, so that nothing else falls due, or longer than any
// timeout. Cluster time, which no decision looks at, is left out. The second are Attempt and the numbers of asks, which have no meaning but in comparison with the messages that carry them.
func (n *Node) AppendState(dst []byte, rename func(ID) ID) []byte {
	n.mustBeDrained()
	d := digest{dst, rename}
	d.id(n.id)
	d.number(uint64(n.term))
	d.id(n.vote)
	d.log(&n.log)
	d.number(uint64(len(n.memberships)))
	for i := range n.memberships {
		d.number(uint64(n.memberships[i].index))
		d.membership(n.memberships[i].membership)
	}
	d.number(uint64(n.commit))
	d.number(uint64(n.handed))
	d.number(uint64(n.role))
	d.id(n.leader)
	d.flag(n.protectsLeader())
	d.flag(n.regrouped)
	d.flag(n.patience < n.config.ElectionTimeout) // it suspects its leader
	d.flag(n.now < n.withheld)
	d.flag(n.now < n.forgetful)
	d.inquiry(n)
	d.ids(n.ballot.granted)
	d.ids(n.ballot.refused)
	d.lead(n)
	d.flag(n.incoming != nil)
	if n.incoming != nil {
		d.number(uint64(n.incoming.index))
		d.number(uint64(n.incoming.term))
		d.number(n.incoming.total)
		d.number(n.incoming.sum)
		d.data(n.incoming.data)
	}
	d.flag(n.stalled())
	d.damage(n.damage)
	d.oath(n.oath)
	d.disk(&n.disk)
	return d.bytes
}

// Attempt is the number of the latest trial election, by which a node knows the answers to it.
func (n *Node) Attempt() uint64 { return n.attempt }

// AppendMessage appends a message in one way only, with members under the names that rename gives them, and without cluster time.
func AppendMessage(dst []byte, message Message, rename func(ID) ID) []byte {
	d := digest{dst, rename}
	d.message(message)
	return d.bytes
}

// digest writes numbers and names one behind the other. Every list is preceded by its length, so that no two states run into
// the same bytes.
type digest struct {
	bytes  []byte
	rename func(ID) ID
}

func (d *digest) number(v uint64) { d.bytes = binary.AppendUvarint(d.bytes, v) }

func (d *digest) id(id ID) { d.number(uint64(d.rename(id))) }

func (d *digest) flag(holds bool) {
	if holds {
		d.number(1)
	} else {
		d.number(0)
	}
}

func (d *digest) data(data []byte) {
	d.number(uint64(len(data)))
	d.bytes = append(d.bytes, data...)
}

// ids writes a set.
func (d *digest) ids(ids []ID) {
	renamed := slices.Clone(ids)
	for i := range renamed {
		renamed[i] = d.rename(renamed[i])
	}
	slices.Sort(renamed)
	d.number(uint64(len(renamed)))
	for _, id := range renamed {
		d.number(uint64(id))
	}
}

func (d *digest) membership(m Membership) {
	d.members(m.Members)
	d.members(m.Former)
	d.members(m.Learners)
}

func (d *digest) members(list []Member) {
	members := slices.Clone(list)
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(d.rename(a.ID), d.rename(b.ID)) })
	d.number(uint64(len(members)))
	for _, member := range members {
		d.id(member.ID)
		d.number(member.Incarnation)
		d.data([]byte(member.Address))
	}
}

func (d *digest) snapshot(s Snapshot) {
	d.number(uint64(s.Index))
	d.number(uint64(s.Term))
	d.membership(s.Membership)
	d.data(s.Data)
}

func (d *digest) entries(entries []Entry) {
	d.number(uint64(len(entries)))
	for i := range entries {
		d.entry(&entries[i])
	}
}

func (d *digest) entry(e *Entry) {
	d.number(uint64(e.Index))
	d.number(uint64(e.Term))
	d.number(uint64(e.Kind))
	if e.Kind == KindMembers {
		d.membership(mustDecodeMembership(e))
	} else {
		d.data(e.Data)
	}
}

func (d *digest) log(l *log) {
	d.snapshot(l.snapshot)
	d.number(uint64(l.base()))
	d.number(uint64(l.last()))
	d.number(uint64(l.baseTerm))
	for _, array := range l.entries.arrays { // in how many they are is of no meaning
		for i := range array {
			d.entry(&array[i])
		}
	}
}

func (d *digest) lead(n *Node) {
	l := n.lead
	d.flag(l != nil)
	if l == nil {
		return
	}
	peers := slices.Clone(l.peers)
	slices.SortFunc(peers, func(a, b peer) int { return cmp.Compare(d.rename(a.id), d.rename(b.id)) })
	d.number(uint64(len(peers)))
	for i := range peers {
		d.peer(n, &peers[i])
	}
	d.number(uint64(l.first))
	d.number(uint64(l.uncommitted))
	d.number(uint64(l.unstable))
	d.number(uint64(l.gathered))
	d.flag(l.beating)
	d.number(l.round)
	d.flag(l.asking)
	d.reads(l.reads)
	d.flag(n.now < l.leaseUntil)
	d.flag(n.relies())
	d.flag(l.abdicated)
	d.flag(l.transfer != nil)
	if l.transfer != nil {
		d.id(l.transfer.to)
		d.flag(l.transfer.due <= n.now)
		d.flag(l.transfer.told)
	}
}

func (d *digest) reads(reads []pendingRead) {
	d.number(uint64(len(reads)))
	for _, r := range reads {
		d.number(r.id)
		d.number(r.round)
		d.number(uint64(r.index))
	}
}

func (d *digest) inquiry(n *Node) {
	q := &n.inquiry
	d.number(uint64(q.term))
	d.flag(n.now < q.due)
	d.number(uint64(len(q.reads)))
	for _, r := range q.reads {
		d.number(r.id)
		d.number(1 + q.ask - r.ask) // zero: it is yet to be asked for
		d.number(uint64(r.by))
		d.number(uint64(r.index))
		d.flag(n.now < r.since+n.config.ElectionTimeout)
	}
}

func (d *digest) damage(c *convalescence) {
	d.flag(c != nil)
	if c == nil {
		return
	}
	d.number(uint64(c.end.Index))
	d.number(uint64(c.end.Term))
	d.number(uint64(c.agreed))
	d.number(uint64(len(c.behind)))
	for _, r := range c.behind {
		d.number(uint64(r.prev))
		d.entries(r.entries)
	}
}

// oath leaves out the nonce, which has no meaning but in comparison with the messages that carry it.
func (d *digest) oath(o *oath) {
	d.flag(o != nil)
	if o == nil {
		return
	}
	answers := slices.Clone(o.answers)
	slices.SortFunc(answers, func(a, b answer) int {
		return cmp.Or(cmp.Compare(d.rename(a.from.ID), d.rename(b.from.ID)), cmp.Compare(a.from.Incarnation, b.from.Incarnation))
	})
	d.number(uint64(len(answers)))
	for _, a := range answers {
		d.members([]Member{a.from})
		d.number(uint64(a.term))
		d.number(uint64(a.since))
		d.flag(a.settled)
		d.membership(a.membership)
	}
}

func (d *digest) peer(n *Node, p *peer) {
	d.id(p.id)
	d.number(p.incarnation)
	d.number(uint64(p.mode))
	d.number(uint64(p.match))
	d.number(uint64(p.next))
	d.flag(p.asked)
	d.flow(&p.flow)
	d.flag(n.lately(p))
	d.flag(p.known)
	d.flag(p.full)
	d.flag(n.shy(p))
	d.number(p.round)
	d.reads(p.asks)
	d.number(uint64(p.version))
	d.number(p.told)
	d.flag(n.now < p.promised+n.leaseTime())
	d.flag(p.study != nil)
	if p.study != nil {
		d.number(uint64(p.study.round))
		d.number(uint64(p.study.goal))
		d.flag(n.now-p.study.began < n.config.ElectionTimeout)
	}
	d.snapshot(p.install.snapshot)
	d.number(p.install.sum)
	d.number(p.install.offset)
	d.flag(n.now < p.install.due)
}

func (d *digest) flow(f *flow) {
	d.number(uint64(len(f.inflight)))
	for _, sent := range f.inflight {
		d.number(uint64(sent.last))
		d.number(uint64(sent.bytes))
	}
	d.number(uint64(f.bytes))
	d.number(uint64(f.window))
}

// disk counts records from the last durable one on: their numbers are compared with each other, and with nothing else.
func (d *digest) disk(k *disk) {
	ahead := func(sequence uint64) { d.number(max(sequence, k.durable) - k.durable) }
	ahead(k.written)
	d.flag(k.promise)
	ahead(k.promises)
	d.flag(k.snapshot != nil)
	if k.snapshot != nil {
		d.snapshot(*k.snapshot)
	}
	d.flag(k.full)
	d.number(uint64(k.unsaved))
	d.number(uint64(k.stable))
	d.number(uint64(k.covered))
	d.number(uint64(len(k.pending)))
	for _, p := range k.pending {
		ahead(p.sequence)
		d.number(uint64(p.last))
		d.number(uint64(p.handed))
	}
	d.held(k)
}

// held writes what waits for the disk by whom it is for. The order of two messages to different members matters to nobody.
func (d *digest) held(k *disk) {
	held := slices.Clone(k.held)
	slices.SortStableFunc(held, func(a, b heldMessage) int { return cmp.Compare(d.rename(a.envelope.To), d.rename(b.envelope.To)) })
	d.number(uint64(len(held)))
	for _, h := range held {
		d.number(h.sequence - k.durable)
		d.number(uint64(h.term))
		d.id(h.envelope.To)
		d.message(h.envelope.Message)
	}
}

// The tags of messages. They keep two messages of different types and equal numbers apart.
const (
	tagPreVote = iota
	tagPreVoteReply
	tagVote
	tagVoteReply
	tagAppend
	tagAppended
	tagMismatch
	tagChunk
	tagChunkReceived
	tagStaleTerm
	tagTimeoutNow
	tagLost
	tagFetch
	tagFetched
	tagReadIndex
	tagReadIndexReply
	tagLease
	tagLeaseReply
	tagOath
	tagSworn
	tagPlea
	tagBequest
)

func (d *digest) message(message Message) {
	numbers := func(values ...uint64) {
		for _, v := range values {
			d.number(v)
		}
	}
	switch m := message.(type) {
	case *PreVote:
		numbers(tagPreVote, uint64(m.Term), uint64(m.LastIndex), uint64(m.LastTerm), m.Attempt)
	case *PreVoteReply:
		numbers(tagPreVoteReply, uint64(m.Term), m.Attempt)
		d.flag(m.Granted)
	case *Vote:
		numbers(tagVote, uint64(m.Term), uint64(m.LastIndex), uint64(m.LastTerm))
		d.flag(m.Transfer)
	case *VoteReply:
		numbers(tagVoteReply, uint64(m.Term))
		d.flag(m.Granted)
	case *Append:
		numbers(tagAppend, uint64(m.Term), uint64(m.PrevIndex), uint64(m.PrevTerm), uint64(m.Commit), m.Round)
		d.entries(m.Entries)
	case *Appended:
		numbers(tagAppended, uint64(m.Term), m.Round, uint64(m.Match))
		d.flag(m.Full)
		d.number(uint64(m.Version))
	case *Mismatch:
		numbers(tagMismatch, uint64(m.Term), m.Round, uint64(m.PrevIndex), uint64(m.Last), uint64(m.ConflictTerm), uint64(m.ConflictIndex))
	case *Chunk:
		numbers(tagChunk, uint64(m.Term), m.Round, uint64(m.Index), uint64(m.IndexTerm), m.Offset, m.Total, m.Sum)
		d.membership(m.Membership)
		d.data(m.Data)
	case *ChunkReceived:
		numbers(tagChunkReceived, uint64(m.Term), m.Round, uint64(m.Index), m.Offset)
	case *StaleTerm:
		numbers(tagStaleTerm, uint64(m.Term))
	case *TimeoutNow:
		numbers(tagTimeoutNow, uint64(m.Term))
	case *Lost:
		numbers(tagLost, uint64(m.Term), m.Round, uint64(m.PrevIndex), uint64(m.Last))
	case *Fetch:
		numbers(tagFetch, uint64(m.Term), uint64(m.Index), uint64(m.EntryTerm), uint64(m.From))
	case *Fetched:
		numbers(tagFetched, uint64(m.Term), uint64(m.Index), uint64(m.EntryTerm), uint64(m.PrevTerm))
		d.entries(m.Entries)
	case *ReadIndex:
		numbers(tagReadIndex, uint64(m.Term), m.Ask)
		d.flag(m.Lease)
	case *ReadIndexReply:
		numbers(tagReadIndexReply, uint64(m.Term), m.Ask, uint64(m.Index))
		d.flag(m.Leased)
		d.number(uint64(m.Last))
	case *Lease:
		numbers(tagLease, uint64(m.Term))
	case *LeaseReply:
		numbers(tagLeaseReply, uint64(m.Term))
	case *Plea:
		numbers(tagPlea, uint64(m.Term), uint64(m.Index), uint64(m.IndexTerm), m.Offset)
	case *Bequest:
		numbers(tagBequest, uint64(m.Term), uint64(m.Index), uint64(m.IndexTerm), m.Offset, m.Total, m.Sum)
		d.membership(m.Membership)
		d.data(m.Data)
	case *Oath:
		numbers(tagOath, uint64(m.Term))
	case *Sworn:
		numbers(tagSworn, uint64(m.Term), uint64(m.Since))
		d.flag(m.Settled)
		d.membership(m.Membership)
	default:
		fail("a message of type %T has no digest", message)
	}
}
