package wal

import (
	"bytes"
	"io"
	"testing"

	"lockd/raft"

	"github.com/stretchr/testify/require"
)

// memoryFile is as much of a File as writeSnapshot needs.
type memoryFile struct {
	File
	content []byte
}

func (f *memoryFile) WriteAt(data []byte, offset int64) (int, error) {
	if offset != int64(len(f.content)) {
		return 0, io.ErrShortWrite
	}
	f.content = append(f.content, data...)
	return len(data), nil
}

func encodeSnapshot(t testing.TB, snapshot raft.Snapshot) []byte {
	file := &memoryFile{}
	head := encodeSnapshotHead(snapshot)
	require.NoError(t, writeSnapshot(file, head, snapshot.Data))
	require.Len(t, file.content, int(snapshotSize(len(head), len(snapshot.Data))))
	return file.content
}

func sampleRecord() record {
	return record{
		term: 3, vote: 2, base: base{kind: baseUnder, index: 7, term: 2},
		entries: []raft.Entry{
			{Index: 8, Term: 3, Kind: raft.KindCommand, Time: 5, Data: []byte("data")},
			{Index: 9, Term: 3, Kind: raft.KindEmpty, Time: 6},
		},
	}
}

func sampleBeginning() record {
	r := sampleRecord()
	r.base.kind = baseAnew
	r.damage = raft.Damage{End: raft.Position{Index: 20, Term: 4}, Behind: [][]raft.Entry{r.entries[1:], r.entries[:1]}}
	return r
}

func sampleSnapshot(size int) raft.Snapshot {
	members := []raft.Member{{ID: 1, Incarnation: 4}, {ID: 9, Incarnation: 5}}
	return raft.Snapshot{Index: 5, Term: 2, Time: 9, Membership: raft.Membership{Members: members}, Data: bytes.Repeat([]byte("s"), size)}
}

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	for _, r := range []record{{}, {term: 1}, sampleRecord(), sampleBeginning()} {
		decoded, ok := decodeRecord(appendRecord(nil, r), nil)
		require.True(t, ok)
		require.Equal(t, r, decoded)
	}
	for _, size := range []int{1, chunkSize - 1, chunkSize, chunkSize + 1, 3 * chunkSize} {
		decoded, _, ok := decodeSnapshot(encodeSnapshot(t, sampleSnapshot(size)))
		require.True(t, ok)
		require.Equal(t, sampleSnapshot(size), decoded)
	}
	var most raft.Membership
	for id := range raft.ID(MaxMembers) {
		most.Members = append(most.Members, raft.Member{ID: id + 1, Incarnation: 5})
	}
	for _, promised := range []raft.Membership{{}, most} {
		identity := Identity{Cluster: ClusterID{7}, Member: 3, Incarnation: 4, Promised: promised}
		decoded, worn, err := decodeIdentity(encodeIdentity(identity))
		require.NoError(t, err)
		require.Nil(t, worn)
		require.Equal(t, identity, decoded)
	}
}

func TestSnapshotChunksCannotBeExchangedOrLeftOut(t *testing.T) {
	snapshot := sampleSnapshot(2 * chunkSize)
	file := encodeSnapshot(t, snapshot)
	const chunk = 4 + chunkSize
	start := len(file) - 2*chunk
	exchanged := append(append(bytes.Clone(file[:start]), file[start+chunk:]...), file[start:start+chunk]...)
	_, offset, ok := decodeSnapshot(exchanged)
	require.False(t, ok)
	require.EqualValues(t, start, offset)
	_, _, ok = decodeSnapshot(file[:len(file)-chunk])
	require.False(t, ok)
	_, _, ok = decodeSnapshot(append(file, 0))
	require.False(t, ok)
}

func TestANewerFormatIsToldFromDamage(t *testing.T) {
	file := encodeIdentity(Identity{Member: 1, Incarnation: 1})
	file[len(identityMagic)]++
	_, _, err := decodeIdentity(file[:sectorSize])
	require.NotErrorIs(t, err, ErrNewerFormat, "the check is wrong: this is a flipped bit")
	_, _, err = decodeIdentity(resealed(file))
	require.ErrorIs(t, err, ErrNewerFormat)
}

// resealed returns the identity file with the check that fits.
func resealed(file []byte) []byte {
	return appendCheck(bytes.Clone(file[:sectorSize-4]))
}

// A sector may pass its own check and still be where it does not belong.
func TestAMisdirectedSectorIsRotten(t *testing.T) {
	h := header{kind: kindRecord, segment: 3, place: 4, sequence: 5, synced: 4, epoch: 1, parts: 1}
	sector := appendSector(nil, h, []byte("body"))
	found, body, condition := readSector(sector, 3, 4)
	require.Equal(t, whole, condition)
	require.Equal(t, "body", string(body))
	h.length = 4
	require.Equal(t, h, found)
	for _, other := range [][2]uint32{{3, 5}, {2, 4}} {
		_, _, condition = readSector(sector, other[0], other[1])
		require.Equal(t, rotten, condition)
	}
	_, _, condition = readSector(zeroSector[:], 3, 4)
	require.Equal(t, blank, condition)
}

// Sectors of two records side by side are no record, though each is whole.
func TestPartsOfTwoRecordsAreNoRecord(t *testing.T) {
	first := header{kind: kindRecord, segment: 1, sequence: 5, epoch: 2, synced: 4, parts: 2}
	second := first
	second.part, second.place = 1, 1
	pair := func(second header) []byte {
		return appendSector(appendSector(nil, first, []byte("one ")), second, []byte("two"))
	}
	_, body, ok := gather(pair(second), 1, 0)
	require.True(t, ok)
	require.Equal(t, "one two", string(body))
	for _, change := range []func(*header){
		func(h *header) { h.sequence++ },
		func(h *header) { h.epoch++ },
		func(h *header) { h.synced-- },
		func(h *header) { h.parts++ },
		func(h *header) { h.part-- },
		func(h *header) { h.kind = kindMark },
	} {
		other := second
		change(&other)
		_, _, ok := gather(pair(other), 1, 0)
		require.False(t, ok)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(appendRecord(nil, sampleRecord()))
	f.Add(appendRecord(nil, sampleBeginning()))
	f.Add(appendRecord(nil, record{}))
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, ok := decodeRecord(body, nil); ok {
			require.Equal(t, body, appendRecord(nil, r))
		}
	})
}

func FuzzDecodeSnapshot(f *testing.F) {
	f.Add(encodeSnapshot(f, sampleSnapshot(10)))
	f.Add(encodeSnapshot(f, raft.Snapshot{}))
	f.Fuzz(func(t *testing.T, file []byte) {
		if snapshot, _, ok := decodeSnapshot(file); ok {
			require.Equal(t, file, encodeSnapshot(t, snapshot))
		}
	})
}

// The fuzzer cannot guess a checksum, so the head is also tried without one.
func FuzzDecodeSnapshotHead(f *testing.F) {
	f.Add(encodeSnapshotHead(sampleSnapshot(10)))
	f.Fuzz(func(t *testing.T, head []byte) {
		if snapshot, length, ok := decodeSnapshotHead(head); ok && length == 0 {
			require.Equal(t, head, encodeSnapshotHead(snapshot))
		}
	})
}

func FuzzDecodeIdentity(f *testing.F) {
	f.Add(encodeIdentity(Identity{Cluster: ClusterID{1}, Member: 1, Incarnation: 2}))
	f.Add(encodeIdentity(Identity{Member: 1, Incarnation: 2, Promised: raft.Membership{Members: []raft.Member{{ID: 1, Incarnation: 2}}}}))
	f.Fuzz(func(t *testing.T, file []byte) {
		padded := append(bytes.Clone(file), zeroSector[:]...)[:sectorSize]
		for _, candidate := range [][]byte{file, resealed(padded)} {
			if identity, _, err := decodeIdentity(candidate); err == nil {
				again, _, err := decodeIdentity(encodeIdentity(identity))
				require.NoError(t, err)
				require.Equal(t, identity, again)
			}
		}
	})
}

func FuzzReadSector(f *testing.F) {
	f.Add(appendSector(nil, header{kind: kindMark, segment: 1, place: 2, parts: 1}, nil), uint32(1), uint32(2))
	f.Fuzz(func(t *testing.T, content []byte, segment, place uint32) {
		content = append(content, make([]byte, sectorSize)...)[:sectorSize]
		h, body, condition := readSector(content, segment, place)
		if condition == whole {
			require.Equal(t, int(h.length), len(body))
		}
		gather(content, segment, place)
	})
}
