package wire

import (
	"fmt"
	"slices"

	"lockd/lockfsm"
	"lockd/raft"
)

// An envelope on the wire, each field as wide as it says, in bytes:
//
//	kind 1 | from 8 | to 8 | term 8 | the message's other fields
//
// A bool is one byte, 0 or 1. Data is a length of 4 and so many bytes; entries and members
// are a count of 4 and so many of
//
//	entry:  index 8 | term 8 | kind 1 | time 8 | data
//	member: id 8 | incarnation 8
//
// A membership that is more than voters without addresses has 2^32-1 in the place of the count, and then data: what stands in the log.
// In later versions some messages are written in another way (packed.go), under kinds of their own.
// The sender's incarnation is not told with each envelope: the hello has told it for the whole connection.

// kind tells which message an envelope holds.
type kind byte

// The numbers are on the wire: they never change, and a new message takes a new one.
const (
	kindPreVote        kind = 1
	kindPreVoteReply   kind = 2
	kindVote           kind = 3
	kindVoteReply      kind = 4
	kindAppend         kind = 5
	kindAppended       kind = 6
	kindMismatch       kind = 7
	kindChunk          kind = 8
	kindChunkReceived  kind = 9
	kindStaleTerm      kind = 10
	kindTimeoutNow     kind = 11
	kindReadIndex      kind = 12
	kindReadIndexReply kind = 13
	kindLease          kind = 14
	kindLeaseReply     kind = 15
	kindLost           kind = 20
	kindFetch          kind = 21
	kindFetched        kind = 22
	kindAppendPacked   kind = 23
	kindAppendedPacked kind = 24
	kindOath           kind = 25
	kindSworn          kind = 26
	kindPlea           kind = 27
	kindBequest        kind = 28
)

// AppendEnvelope appends the encoding of e to dst and returns the result. The message itself
// is only read. The version is the one in force, as the sender knows it: whoever gets the envelope supports it, or has no part in the cluster.
func AppendEnvelope(dst []byte, v lockfsm.Version, e raft.Envelope) []byte {
	c := cursor{what: "envelope", writing: true, bytes: slices.Grow(dst, room(e.Message))}
	c.envelope(kindOf(e.Message).pack(v), &e)
	return c.bytes
}

func (c *cursor) envelope(k kind, e *raft.Envelope) {
	c.byte((*byte)(&k))
	number(c, &e.From)
	number(c, &e.To)
	if k.needs() < packed {
		c.message(e.Message)
	} else {
		c.packed(e.Message)
	}
}

// DecodeEnvelope decodes what AppendEnvelope wrote. The data of entries and chunks aliases b,
// which must not be written to afterwards: FrameReader gives each frame bytes of its own.
// Empty slices come back as nil. An error is a *Malformed, or a *lockfsm.VersionError if the envelope is of a later version than the
// receiver's program supports.
func DecodeEnvelope(b []byte, supports lockfsm.Version) (raft.Envelope, error) {
	c := cursor{what: "envelope", rest: b, length: len(b)}
	var k kind
	if len(b) > 0 {
		k = kind(b[0])
	}
	e := raft.Envelope{Message: newMessage(k)}
	switch needed := k.needs(); {
	case e.Message == nil:
		c.fail("unknown message kind %d", k)
	case needed > supports:
		return raft.Envelope{}, &lockfsm.VersionError{Needed: needed, Supported: supports}
	default:
		c.envelope(k, &e)
	}
	if err := c.end(); err != nil {
		return raft.Envelope{}, err
	}
	return e, nil
}

// room is what an envelope takes, or a little more: without it the bytes would be moved again and again as they grow.
func room(message raft.Message) int {
	const fields = 64 // of all but what is counted below
	switch m := message.(type) {
	case *raft.Append:
		return fields + roomOf(m.Entries)
	case *raft.Fetched:
		return fields + roomOf(m.Entries)
	case *raft.Bequest:
		return fields + memberSize*len(m.Membership.Members) + len(m.Data)
	case *raft.Chunk:
		return fields + memberSize*len(m.Membership.Members) + len(m.Data)
	}
	return fields
}

func roomOf(entries []raft.Entry) int {
	size := entrySize * len(entries)
	for i := range entries {
		size += len(entries[i].Data)
	}
	return size
}

func kindOf(message raft.Message) kind {
	switch message.(type) {
	case *raft.PreVote:
		return kindPreVote
	case *raft.PreVoteReply:
		return kindPreVoteReply
	case *raft.Vote:
		return kindVote
	case *raft.VoteReply:
		return kindVoteReply
	case *raft.Append:
		return kindAppend
	case *raft.Appended:
		return kindAppended
	case *raft.Mismatch:
		return kindMismatch
	case *raft.Lost:
		return kindLost
	case *raft.Fetch:
		return kindFetch
	case *raft.Fetched:
		return kindFetched
	case *raft.Oath:
		return kindOath
	case *raft.Sworn:
		return kindSworn
	case *raft.Plea:
		return kindPlea
	case *raft.Bequest:
		return kindBequest
	case *raft.Chunk:
		return kindChunk
	case *raft.ChunkReceived:
		return kindChunkReceived
	case *raft.StaleTerm:
		return kindStaleTerm
	case *raft.TimeoutNow:
		return kindTimeoutNow
	case *raft.ReadIndex:
		return kindReadIndex
	case *raft.ReadIndexReply:
		return kindReadIndexReply
	case *raft.Lease:
		return kindLease
	case *raft.LeaseReply:
		return kindLeaseReply
	}
	panic(fmt.Sprintf("wire: a %T has no kind: every raft message needs one", message))
}

// newMessage returns nil for a kind that this version does not know.
func newMessage(k kind) raft.Message {
	switch k {
	case kindPreVote:
		return new(raft.PreVote)
	case kindPreVoteReply:
		return new(raft.PreVoteReply)
	case kindVote:
		return new(raft.Vote)
	case kindVoteReply:
		return new(raft.VoteReply)
	case kindAppend, kindAppendPacked:
		return new(raft.Append)
	case kindAppended, kindAppendedPacked:
		return new(raft.Appended)
	case kindMismatch:
		return new(raft.Mismatch)
	case kindLost:
		return new(raft.Lost)
	case kindFetch:
		return new(raft.Fetch)
	case kindFetched:
		return new(raft.Fetched)
	case kindOath:
		return new(raft.Oath)
	case kindSworn:
		return new(raft.Sworn)
	case kindPlea:
		return new(raft.Plea)
	case kindBequest:
		return new(raft.Bequest)
	case kindChunk:
		return new(raft.Chunk)
	case kindChunkReceived:
		return new(raft.ChunkReceived)
	case kindStaleTerm:
		return new(raft.StaleTerm)
	case kindTimeoutNow:
		return new(raft.TimeoutNow)
	case kindReadIndex:
		return new(raft.ReadIndex)
	case kindReadIndexReply:
		return new(raft.ReadIndexReply)
	case kindLease:
		return new(raft.Lease)
	case kindLeaseReply:
		return new(raft.LeaseReply)
	}
	return nil
}

// message lists the fields of each message in their order on the wire.
func (c *cursor) message(message raft.Message) {
	switch m := message.(type) {
	case *raft.PreVote:
		number(c, &m.Term)
		number(c, &m.LastIndex)
		number(c, &m.LastTerm)
		number(c, &m.Attempt)
	case *raft.PreVoteReply:
		number(c, &m.Term)
		number(c, &m.Attempt)
		c.boolean(&m.Granted)
	case *raft.Vote:
		number(c, &m.Term)
		number(c, &m.LastIndex)
		number(c, &m.LastTerm)
		c.boolean(&m.Transfer)
	case *raft.VoteReply:
		number(c, &m.Term)
		c.boolean(&m.Granted)
	case *raft.Append:
		number(c, &m.Term)
		number(c, &m.PrevIndex)
		number(c, &m.PrevTerm)
		number(c, &m.Commit)
		number(c, &m.Round)
		c.entries(&m.Entries)
	case *raft.Appended:
		number(c, &m.Term)
		number(c, &m.Round)
		number(c, &m.Match)
		c.boolean(&m.Full)
		c.byte(&m.Version)
	case *raft.Mismatch:
		number(c, &m.Term)
		number(c, &m.Round)
		number(c, &m.PrevIndex)
		number(c, &m.Last)
		number(c, &m.ConflictTerm)
		number(c, &m.ConflictIndex)
	case *raft.Lost:
		number(c, &m.Term)
		number(c, &m.Round)
		number(c, &m.PrevIndex)
		number(c, &m.Last)
	case *raft.Fetch:
		number(c, &m.Term)
		number(c, &m.Index)
		number(c, &m.EntryTerm)
		number(c, &m.From)
	case *raft.Fetched:
		number(c, &m.Term)
		number(c, &m.Index)
		number(c, &m.EntryTerm)
		number(c, &m.PrevTerm)
		c.entries(&m.Entries)
	case *raft.Oath:
		number(c, &m.Term)
		number(c, &m.Nonce)
	case *raft.Sworn:
		number(c, &m.Term)
		number(c, &m.Nonce)
		number(c, &m.Since)
		c.boolean(&m.Settled)
		c.membership(&m.Membership)
	case *raft.Plea:
		number(c, &m.Term)
		number(c, &m.Index)
		number(c, &m.IndexTerm)
		number(c, &m.Offset)
	case *raft.Bequest:
		number(c, &m.Term)
		number(c, &m.Index)
		number(c, &m.IndexTerm)
		c.duration(&m.Time)
		c.membership(&m.Membership)
		number(c, &m.Offset)
		number(c, &m.Total)
		number(c, &m.Sum)
		c.data(&m.Data)
	case *raft.Chunk:
		number(c, &m.Term)
		number(c, &m.Round)
		number(c, &m.Index)
		number(c, &m.IndexTerm)
		c.duration(&m.Time)
		c.membership(&m.Membership)
		number(c, &m.Offset)
		number(c, &m.Total)
		number(c, &m.Sum)
		c.data(&m.Data)
	case *raft.ChunkReceived:
		number(c, &m.Term)
		number(c, &m.Round)
		number(c, &m.Index)
		number(c, &m.Offset)
	case *raft.StaleTerm:
		number(c, &m.Term)
	case *raft.TimeoutNow:
		number(c, &m.Term)
	case *raft.ReadIndex:
		number(c, &m.Term)
		number(c, &m.Ask)
		c.boolean(&m.Lease)
	case *raft.ReadIndexReply:
		number(c, &m.Term)
		number(c, &m.Ask)
		number(c, &m.Index)
		c.boolean(&m.Leased)
		number(c, &m.Last)
	case *raft.Lease:
		number(c, &m.Term)
		c.duration(&m.Sent)
	case *raft.LeaseReply:
		number(c, &m.Term)
		c.duration(&m.Sent)
	}
}
