package wire

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/lockfsm"
	"lockd/raft"
)

func TestEveryEnvelopeComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEnvelope(t)
		before := drawBytes(t, "what stands in the buffer already")
		encoded := AppendEnvelope(bytes.Clone(before), drawVersion(t), e)
		require.Equal(t, before, orNil(encoded[:len(before)]))
		decoded, err := DecodeEnvelope(encoded[len(before):], lockfsm.Newest)
		require.NoError(t, err)
		require.Equal(t, e, decoded)
	})
}

// envelopes holds one envelope of each kind, each field with a number of its own, and its bytes.
// Members of one cluster may run for years on these bytes: a difference here is a new protocol
// version, or a mistake.
var envelopes = []struct {
	message raft.Message
	golden  string
}{
	{&raft.PreVote{Term: 3, LastIndex: 4, LastTerm: 5, Attempt: 6},
		"01 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006"},
	{&raft.PreVoteReply{Term: 3, Attempt: 4, Granted: true},
		"02 0000000000000001 0000000000000002 0000000000000003 0000000000000004 01"},
	{&raft.Vote{Term: 3, LastIndex: 4, LastTerm: 5, Transfer: true},
		"03 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 01"},
	{&raft.VoteReply{Term: 3, Granted: true},
		"04 0000000000000001 0000000000000002 0000000000000003 01"},
	{&raft.Append{Term: 3, PrevIndex: 4, PrevTerm: 5, Commit: 6, Round: 7},
		"05 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006 0000000000000007 00000000"},
	{&raft.Append{Term: 3, PrevIndex: 4, PrevTerm: 5, Commit: 6, Round: 7, Entries: []raft.Entry{
		{Index: 8, Term: 9, Kind: raft.KindCommand, Time: 10, Data: []byte("lock")},
		{Index: 11, Term: 12, Kind: raft.KindEmpty, Time: 13},
		{Index: 14, Term: 15, Kind: raft.KindMembers, Time: 16, Data: []byte{0xff}},
	}},
		"05 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006 0000000000000007 00000003" +
			"0000000000000008 0000000000000009 01 000000000000000a 00000004 6c6f636b" +
			"000000000000000b 000000000000000c 02 000000000000000d 00000000" +
			"000000000000000e 000000000000000f 03 0000000000000010 00000001 ff"},
	{&raft.Appended{Term: 3, Round: 4, Match: 5, Full: true, Version: 2},
		"06 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 01 02"},
	{&raft.Mismatch{Term: 3, Round: 4, PrevIndex: 5, Last: 6, ConflictTerm: 7, ConflictIndex: 8},
		"07 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006 0000000000000007 0000000000000008"},
	{&raft.Chunk{Term: 3, Round: 4, Index: 5, IndexTerm: 6, Time: 7, Offset: 8, Total: 9, Sum: 14, Data: []byte("part"),
		Membership: raft.Membership{Members: []raft.Member{{ID: 10, Incarnation: 11}, {ID: 12, Incarnation: 13}}}},
		"08 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006 0000000000000007" +
			"00000002 000000000000000a 000000000000000b 000000000000000c 000000000000000d" +
			"0000000000000008 0000000000000009 000000000000000e 00000004 70617274"},
	{&raft.ChunkReceived{Term: 3, Round: 4, Index: 5, Offset: 6},
		"09 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006"},
	{&raft.StaleTerm{Term: 3}, "0a 0000000000000001 0000000000000002 0000000000000003"},
	{&raft.TimeoutNow{Term: 3}, "0b 0000000000000001 0000000000000002 0000000000000003"},
	{&raft.ReadIndex{Term: 3, Ask: 4, Lease: true}, "0c 0000000000000001 0000000000000002 0000000000000003 0000000000000004 01"},
	{&raft.ReadIndexReply{Term: 3, Ask: 4, Index: 5, Leased: true, Last: 6},
		"0d 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 01 0000000000000006"},
	{&raft.Lease{Term: 3, Sent: 4}, "0e 0000000000000001 0000000000000002 0000000000000003 0000000000000004"},
	{&raft.LeaseReply{Term: 3, Sent: 4}, "0f 0000000000000001 0000000000000002 0000000000000003 0000000000000004"},
	{&raft.Lost{Term: 3, Round: 4, PrevIndex: 5, Last: 6},
		"14 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006"},
	{&raft.Fetch{Term: 3, Index: 4, EntryTerm: 5, From: 6},
		"15 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006"},
	{&raft.Fetched{Term: 3, Index: 4, EntryTerm: 5, PrevTerm: 6, Entries: []raft.Entry{
		{Index: 8, Term: 9, Kind: raft.KindCommand, Time: 10, Data: []byte("lock")}}},
		"16 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006 00000001" +
			"0000000000000008 0000000000000009 01 000000000000000a 00000004 6c6f636b"},
	{&raft.Plea{Term: 3, Index: 4, IndexTerm: 5, Offset: 6},
		"1b 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 0000000000000006"},
	{&raft.Bequest{Term: 3, Index: 5, IndexTerm: 6, Time: 7, Offset: 8, Total: 9, Sum: 14, Data: []byte("part"),
		Membership: raft.Membership{Members: []raft.Member{{ID: 10, Incarnation: 11}}}},
		"1c 0000000000000001 0000000000000002 0000000000000003 0000000000000005 0000000000000006 0000000000000007" +
			"00000001 000000000000000a 000000000000000b" +
			"0000000000000008 0000000000000009 000000000000000e 00000004 70617274"},
	{&raft.Oath{Term: 3, Nonce: 4}, "19 0000000000000001 0000000000000002 0000000000000003 0000000000000004"},
	{&raft.Sworn{Term: 3, Nonce: 4, Since: 5, Settled: true, Membership: raft.Membership{Members: []raft.Member{{ID: 10, Incarnation: 11}}}},
		"1a 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005 01" +
			"00000001 000000000000000a 000000000000000b"},
}

// packedEnvelopes are those that version 2 writes in another way.
var packedEnvelopes = []struct {
	message raft.Message
	golden  string
}{
	{&raft.Append{Term: 3, PrevIndex: 4, PrevTerm: 5, Commit: 600, Round: 7}, "17 0000000000000001 0000000000000002 03 04 05 d804 07 00"},
	{&raft.Append{Term: 3, PrevIndex: 4, PrevTerm: 5, Commit: 6, Round: 7, Entries: []raft.Entry{
		{Index: 5, Term: 5, Kind: raft.KindCommand, Time: 10, Data: []byte("lock")},
		{Index: 6, Term: 12, Kind: raft.KindEmpty, Time: 13},
		{Index: 4, Term: 12, Kind: raft.KindMembers, Time: 13, Data: []byte{0xff}},
	}},
		"17 0000000000000001 0000000000000002 03 04 05 06 07 03 02 00 01 14 04 6c6f636b 02 0e 02 06 00 03 00 03 00 01 ff"},
	{&raft.Appended{Term: 3, Round: 4, Match: 5, Full: true, Version: 2}, "18 0000000000000001 0000000000000002 03 04 05 01 02"},
}

func drawVersion(t *rapid.T) lockfsm.Version {
	return lockfsm.Version(rapid.IntRange(int(lockfsm.Oldest), int(lockfsm.Newest)).Draw(t, "version"))
}

func fromHex(t testing.TB, text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	require.NoError(t, err)
	return b
}

func TestTheBytesOfEachMessageNeverChange(t *testing.T) {
	for _, c := range envelopes {
		e := raft.Envelope{From: 1, To: 2, Message: c.message}
		require.Equal(t, fromHex(t, c.golden), AppendEnvelope(nil, lockfsm.Oldest, e), "%T", c.message)
		decoded, err := DecodeEnvelope(fromHex(t, c.golden), lockfsm.Oldest)
		require.NoError(t, err)
		require.Equal(t, e, decoded)
	}
}

func TestThePackedBytesNeverChange(t *testing.T) {
	for _, c := range packedEnvelopes {
		e := raft.Envelope{From: 1, To: 2, Message: c.message}
		require.Equal(t, fromHex(t, c.golden), AppendEnvelope(nil, packed, e), "%T", c.message)
		decoded, err := DecodeEnvelope(fromHex(t, c.golden), packed)
		require.NoError(t, err)
		require.Equal(t, e, decoded)
	}
}

// An older program says what it lacks, and does not take the bytes for damage.
func TestAnOlderProgramKnowsThatItIsOld(t *testing.T) {
	for _, c := range packedEnvelopes {
		_, err := DecodeEnvelope(fromHex(t, c.golden), lockfsm.Oldest)
		require.Equal(t, &lockfsm.VersionError{Needed: packed, Supported: lockfsm.Oldest}, err)
	}
}

// What version 2 is for: in bytes, between members that have a million entries behind them.
func TestVersion2TakesLess(t *testing.T) {
	size := func(m raft.Message) [2]int {
		e := raft.Envelope{From: 1, To: 2, Message: m}
		return [2]int{len(AppendEnvelope(nil, lockfsm.Oldest, e)), len(AppendEnvelope(nil, packed, e))}
	}
	appends := func(entries int) *raft.Append {
		m := &raft.Append{Term: 7, PrevIndex: 1_000_000, PrevTerm: 7, Commit: 999_990, Round: 55}
		for i := range entries {
			m.Entries = append(m.Entries, raft.Entry{Index: raft.Index(1_000_001 + i), Term: 7, Kind: raft.KindCommand,
				Time: 10*time.Hour + time.Duration(i)*100*time.Microsecond, Data: make([]byte, 20)})
		}
		return m
	}
	require.Equal(t, [2]int{61, 27}, size(appends(0)), "a heartbeat")
	require.Equal(t, [2]int{110, 58}, size(appends(1)))
	require.Equal(t, [2]int{3197, 1759}, size(appends(64)))
	require.Equal(t, [2]int{43, 24}, size(&raft.Appended{Term: 7, Round: 55, Match: 1_000_064, Version: 2}))
}

func TestTheTableOfBytesHoldsEveryKind(t *testing.T) {
	seen := map[reflect.Type]bool{}
	for _, c := range envelopes {
		seen[reflect.TypeOf(c.message)] = true
	}
	for k := range math.MaxUint8 + 1 {
		if message := newMessage(kind(k)); message != nil {
			require.True(t, seen[reflect.TypeOf(message)], "%T", message)
			require.Equal(t, kind(k), kindOf(message).pack(kind(k).needs()))
		}
	}
	require.Len(t, seen, len(messageDraws))
}

func TestAnEnvelopeCutAnywhereIsRefused(t *testing.T) {
	for _, c := range append(slices.Clone(envelopes), packedEnvelopes...) {
		whole := fromHex(t, c.golden)
		for cut := range whole {
			_, err := DecodeEnvelope(whole[:cut], lockfsm.Newest)
			require.IsType(t, &Malformed{}, err, "%T cut to %d bytes", c.message, cut)
		}
		_, err := DecodeEnvelope(append(whole, 0), lockfsm.Newest)
		require.ErrorContains(t, err, "1 bytes behind the end", "%T", c.message)
	}
}

func TestWhatIsNoEnvelopeIsRefusedByName(t *testing.T) {
	packedBeat := "17" + strings.Repeat("0000000000000001", 2) + "0101010101"
	heartbeat := "05" + strings.Repeat("0000000000000001", 7)
	for _, c := range []struct{ why, bytes string }{
		{"unknown message kind 0", "00"},
		{"unknown message kind 255", "ff" + strings.Repeat("00", 24)},
		{"2 is neither true nor false", "04" + strings.Repeat("0000000000000001", 3) + "02"},
		{"4294967295 things of 29 bytes or more are claimed and 3 bytes are left", heartbeat + "ffffffff" + "000000"},
		{"entry 1 is of unknown kind 4", heartbeat + "00000001" + "0000000000000001 0000000000000001 04 0000000000000001 00000000"},
		{"2 things of 1 bytes or more are claimed and 1 bytes are left",
			heartbeat + "00000001" + "0000000000000001 0000000000000001 01 0000000000000001 00000002 ff"},
		{"127 entries of 5 bytes or more are claimed and 3 bytes are left", packedBeat + "7f" + "000000"},
		{"entry 2 is of unknown kind 4", packedBeat + "01" + "02 00 04 00 00"},
		{"2 bytes are wanted and 1 are left", packedBeat + "01" + "02 00 01 00 02 ff"},
		{"a number that ends too early", packedBeat + "01" + "02 00 01 00 80"},
		{"a number that ends too early", packedBeat + "8100" + "02 00 01 00 00"},
	} {
		_, err := DecodeEnvelope(fromHex(t, c.bytes), lockfsm.Newest)
		require.IsType(t, &Malformed{}, err)
		require.ErrorContains(t, err, c.why)
	}
}

func TestAClaimedCountAllocatesNothing(t *testing.T) {
	claim := fromHex(t, "05"+strings.Repeat("0000000000000001", 7)+"7fffffff")
	require.Less(t, allocatedBy(func() { _, _ = DecodeEnvelope(claim, lockfsm.Newest) }), uint64(4096))
}

// allocatedBy is how many bytes one run takes from the heap, give or take what else goes on.
func allocatedBy(run func()) uint64 {
	const runs = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		run()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

func TestEntriesShareTheFramesMemoryButCannotGrowIntoIt(t *testing.T) {
	encoded := AppendEnvelope(nil, lockfsm.Oldest, raft.Envelope{Message: &raft.Append{Entries: []raft.Entry{
		{Index: 1, Kind: raft.KindCommand, Data: []byte("first")}, {Index: 2, Kind: raft.KindCommand, Data: []byte("second")},
	}}})
	decoded, err := DecodeEnvelope(encoded, lockfsm.Newest)
	require.NoError(t, err)
	entries := decoded.Message.(*raft.Append).Entries
	_ = append(entries[0].Data, bytes.Repeat([]byte{'x'}, 40)...)
	require.Equal(t, "second", string(entries[1].Data))
	copy(encoded[bytes.Index(encoded, []byte("first")):], "FIRST")
	require.Equal(t, "FIRST", string(entries[0].Data))
}

func FuzzDecodeEnvelope(f *testing.F) {
	for _, c := range append(slices.Clone(envelopes), packedEnvelopes...) {
		f.Add(fromHex(f, c.golden))
	}
	f.Add(fromHex(f, "05"+strings.Repeat("00", 56)+"ffffffff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEnvelope(b, lockfsm.Newest)
		if err != nil {
			require.IsType(t, &Malformed{}, err)
			return
		}
		require.Equal(t, b, AppendEnvelope(nil, kind(b[0]).needs(), e), "whatever decodes has one encoding")
	})
}

func appendOf(entries int) raft.Envelope {
	m := &raft.Append{Term: 7, PrevIndex: 1000, PrevTerm: 7, Commit: 990, Round: 55}
	for i := range entries {
		m.Entries = append(m.Entries, raft.Entry{
			Index: raft.Index(1001 + i), Term: 7, Kind: raft.KindCommand, Time: time.Hour, Data: bytes.Repeat([]byte{'c'}, 64),
		})
	}
	return raft.Envelope{From: 1, To: 2, Message: m}
}

func BenchmarkEncodeAppend1(b *testing.B)        { benchmarkEncode(b, lockfsm.Oldest, appendOf(1)) }
func BenchmarkEncodeAppend64(b *testing.B)       { benchmarkEncode(b, lockfsm.Oldest, appendOf(64)) }
func BenchmarkEncodePackedAppend1(b *testing.B)  { benchmarkEncode(b, packed, appendOf(1)) }
func BenchmarkEncodePackedAppend64(b *testing.B) { benchmarkEncode(b, packed, appendOf(64)) }
func BenchmarkDecodeAppend1(b *testing.B)        { benchmarkDecode(b, lockfsm.Oldest, appendOf(1)) }
func BenchmarkDecodeAppend64(b *testing.B)       { benchmarkDecode(b, lockfsm.Oldest, appendOf(64)) }
func BenchmarkDecodePackedAppend1(b *testing.B)  { benchmarkDecode(b, packed, appendOf(1)) }
func BenchmarkDecodePackedAppend64(b *testing.B) { benchmarkDecode(b, packed, appendOf(64)) }

func benchmarkEncode(b *testing.B, v lockfsm.Version, e raft.Envelope) {
	buffer := AppendEnvelope(nil, v, e)
	b.SetBytes(int64(len(buffer)))
	b.ReportAllocs()
	for b.Loop() {
		buffer = AppendEnvelope(buffer[:0], v, e)
	}
}

func benchmarkDecode(b *testing.B, v lockfsm.Version, e raft.Envelope) {
	encoded := AppendEnvelope(nil, v, e)
	b.SetBytes(int64(len(encoded)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEnvelope(encoded, v); err != nil {
			b.Fatal(err)
		}
	}
}
