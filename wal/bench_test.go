package wal_test

import (
	"errors"
	"fmt"
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

// BenchmarkAppendSync is so many records of 128 bytes made durable at a time, on a disk; ns/op is for one of them.
func BenchmarkAppendSync(b *testing.B) {
	for _, records := range []int{1, 64} {
		b.Run(fmt.Sprint("records=", records), func(b *testing.B) { benchmarkAppend(b, wal.OS(b.TempDir()), records) })
	}
}

// BenchmarkAppend is one record of 128 bytes without the disk, whose part is played by memory.
func BenchmarkAppend(b *testing.B) { benchmarkAppend(b, newDisk(1), 64) }

func benchmarkAppend(b *testing.B, directory wal.FS, records int) {
	log, _, err := wal.Open(directory, wal.Options{Member: 1, Incarnation: 1})
	require.NoError(b, err)
	_, err = log.Form(cluster, membership)
	require.NoError(b, err)
	entry := oneEntry()
	b.SetBytes(128)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 1; n <= b.N; n++ {
		if err := log.Append(payload(raft.Index(n+1), entry)); err != nil {
			b.Fatal(err)
		}
		if n%records != 0 && n < b.N {
			continue
		}
		if err := errors.Join(log.Sync(), log.Prepare()); err != nil {
			b.Fatal(err)
		}
		if n%100_000 == 0 { // as the snapshots of a node do
			require.NoError(b, log.SaveSnapshot(raft.Snapshot{Index: raft.Index(n + 1), Term: 1, Membership: membership}))
			require.NoError(b, log.Release(raft.Index(n+1)))
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
	b.ReportAllocs()
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
