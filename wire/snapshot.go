package wire

import (
	"bytes"
	"fmt"
	"iter"

	"lockd/raft"
	"lockd/server"
	"lockd/wire/lockdv1"
)

// ChunkSize is how much of a snapshot one SnapshotChunk carries, in bytes: well below the
// 4 MiB that gRPC lets a message have.
const ChunkSize = 1 << 20

// SnapshotChunks splits a backup, whose Snapshot.Data the shell has filled in, into the
// messages of a SaveSnapshot stream. There is always at least one. Their data aliases it.
func SnapshotChunks(backup server.BackedUp) iter.Seq[*lockdv1.SnapshotChunk] {
	s := backup.Snapshot
	return func(yield func(*lockdv1.SnapshotChunk) bool) {
		for offset := 0; offset == 0 || offset < len(s.Data); offset += ChunkSize {
			chunk := &lockdv1.SnapshotChunk{
				Index: uint64(s.Index), Term: uint64(s.Term), Time: duration(s.Time),
				Members: each(s.Membership.Members, memberToProto), Former: each(s.Membership.Former, memberToProto),
				Learners: each(s.Membership.Learners, memberToProto),
				Offset:   uint64(offset), Total: uint64(len(s.Data)),
				Data: s.Data[offset:min(offset+ChunkSize, len(s.Data))],
			}
			if !yield(chunk) {
				return
			}
		}
	}
}

// SnapshotAssembly puts the chunks of a SaveSnapshot stream together again. Its zero value is
// ready for the first.
type SnapshotAssembly struct {
	first *lockdv1.SnapshotChunk
	data  bytes.Buffer
}

// Add takes the next chunk. An error is a *Malformed: the chunks are not of one snapshot, or
// not in order.
func (s *SnapshotAssembly) Add(chunk *lockdv1.SnapshotChunk) error {
	if s.first == nil {
		s.first = chunk
	}
	have, offset, total := uint64(s.data.Len()), chunk.GetOffset(), s.first.GetTotal()
	switch {
	case chunk.GetIndex() != s.first.GetIndex() || chunk.GetTerm() != s.first.GetTerm() || chunk.GetTotal() != total:
		return s.malformed("two snapshots are mixed")
	case offset != have:
		return s.malformed(fmt.Sprintf("byte %d came where %d was due", offset, have))
	case uint64(len(chunk.GetData())) > total-have:
		return s.malformed(fmt.Sprintf("it is longer than the %d bytes it claims", total))
	}
	s.data.Write(chunk.GetData())
	return nil
}

// Snapshot is the whole, once the stream has ended. An error is a *Malformed: the end is missing.
func (s *SnapshotAssembly) Snapshot() (raft.Snapshot, error) {
	if s.first == nil || uint64(s.data.Len()) < s.first.GetTotal() {
		return raft.Snapshot{}, s.malformed(fmt.Sprintf("the stream ended after %d of %d bytes", s.data.Len(), s.first.GetTotal()))
	}
	return raft.Snapshot{
		Index: raft.Index(s.first.GetIndex()), Term: raft.Term(s.first.GetTerm()), Time: s.first.GetTime().AsDuration(),
		Membership: membershipFromProto(s.first),
		Data:       s.data.Bytes(),
	}, nil
}

func (s *SnapshotAssembly) malformed(why string) *Malformed {
	return &Malformed{What: "snapshot", At: s.data.Len(), Why: why}
}
