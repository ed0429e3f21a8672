package wal_test

import (
	"errors"
	"testing"

	"lockd/raft"
	"lockd/wal"

	"github.com/stretchr/testify/require"
)

func payload(index raft.Index, entry []raft.Entry) raft.Record {
	entry[0].Index = index
	return raft.Record{Term: 1, Vote: 1, Entries: entry}
}

func oneEntry() []raft.Entry {
	return []raft.Entry{{Term: 1, Kind: raft.KindCommand, Data: make([]byte, 128)}}
}

// BenchmarkAppendSync is one record of 128 bytes made durable at a time.
func BenchmarkAppendSync(b *testing.B) {
	log, _, err := wal.Open(wal.OS(b.TempDir()), wal.Options{Member: 1, Incarnation: 1})
	require.NoError(b, err)
	_, err = log.Form(cluster, membership)
	require.NoError(b, err)
	entry := oneEntry()
	index := raft.Index(1)
	b.ReportAllocs()
	for b.Loop() {
		index++
		if err := log.Append(payload(index, entry)); err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(log.Sync(), log.Prepare()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareSync is what the disk itself allows: the same bytes into a file that is
// reserved and zeroed.
func BenchmarkBareSync(b *testing.B) {
	file, err := wal.OS(b.TempDir()).Create("bare")
	require.NoError(b, err)
	const size, sector = 16 << 20, 512
	_, err = file.WriteAt(make([]byte, size), 0)
	require.NoError(b, err)
	require.NoError(b, file.Sync())
	content := make([]byte, sector)
	offset := int64(0)
	for b.Loop() {
		content[0]++
		if _, err := file.WriteAt(content, offset); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
		offset = (offset + sector) % size
	}
}

// BenchmarkOpen is what a restart reads: a million entries of a hundred bytes, forty in a record.
func BenchmarkOpen(b *testing.B) {
	const records, batch = 25_000, 40
	directory := wal.OS(b.TempDir())
	log, _, err := wal.Open(directory, wal.Options{Member: 1, Incarnation: 1})
	require.NoError(b, err)
	_, err = log.Form(cluster, membership)
	require.NoError(b, err)
	entries := make([]raft.Entry, batch)
	for i := range records {
		for k := range entries {
			entries[k] = raft.Entry{Index: raft.Index(2 + i*batch + k), Term: 1, Kind: raft.KindCommand, Data: make([]byte, 100)}
		}
		require.NoError(b, log.Append(raft.Record{Term: 1, Vote: 1, Entries: entries}))
		if i%100 == 0 {
			require.NoError(b, errors.Join(log.Sync(), log.Prepare()))
		}
	}
	require.NoError(b, errors.Join(log.Sync(), log.Close()))
	b.ReportAllocs()
	for b.Loop() {
		log, recovered, err := wal.Open(directory, wal.Options{Member: 1, Incarnation: 1})
		require.NoError(b, err)
		require.Len(b, recovered.Stored.Entries, records*batch)
		require.NoError(b, log.Close())
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	directory := newDisk(1)
	wide := options()
	wide.SegmentSize = 1 << 20
	log, _, err := wal.Open(directory, wide)
	require.NoError(t, err)
	_, err = log.Form(cluster, membership)
	require.NoError(t, err)
	entry := oneEntry()
	index := raft.Index(1)
	step := func() {
		index++
		require.NoError(t, log.Append(payload(index, entry)))
		if index%8 == 0 {
			require.NoError(t, log.Sync())
		}
	}
	for range 100 {
		step()
	}
	require.Zero(t, testing.AllocsPerRun(500, step))
}

// A record of one small entry takes one sector.
func TestBytesOfARecord(t *testing.T) {
	const records = 500
	directory := newDisk(1)
	exact := options()
	exact.SegmentSize = (1 + records + 1) * 512 // the beginning, the records, the mark
	log, _, err := wal.Open(directory, exact)
	require.NoError(t, err)
	_, err = log.Form(cluster, membership)
	require.NoError(t, err)
	for index := raft.Index(2); index < 2+records; index++ {
		keep(t, log, payload(index, oneEntry()))
	}
	second := "0000000000000002.segment"
	written := imageOf(t, directory)[second]
	require.Equal(t, make([]byte, len(written)), written, "all of them fit into the first segment")
}
