package lockfsm

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// everyCommand has one of each kind.
var everyCommand = []Command{
	Open{Nonce: 300, TTL: 2 * time.Second, Owner: "host"},
	Renew{Sessions: []SessionID{1, 1 << 40}},
	Close{Session: 5},
	Expire{Sessions: []Expiry{{Session: 3, Deadline: 7}, {Session: 4, Deadline: 8 * time.Hour}}},
	Acquire{Request: Request{Session: 1, Sequence: 2, Acknowledged: 1}, Name: "a", Value: []byte("v"), Wait: Forever},
	Release{Request: Request{Session: 1, Sequence: 3, Acknowledged: 2}, Name: "a", Token: 9},
	Cancel{Request: Request{Session: 1, Sequence: 4, Acknowledged: 3}, Target: 2},
	Withdraw{Name: "a", Place: 7},
	Clock{},
	Upgrade{To: 2},
}

// The bytes are in logs that later versions must read: a change here breaks clusters.
func TestCommandBytesNeverChange(t *testing.T) {
	expected := []string{
		"0101ac0280d0acf30e04686f7374",
		"01020201808080808020",
		"010305",
		"010402030e048080a8dcb08c0d",
		"01050102010161017601",
		"0106010302016109",
		"010701040302",
		"0108016107",
		"0109",
		"010a02",
	}
	for i, command := range everyCommand {
		require.Equal(t, expected[i], hex.EncodeToString(first.Encode(nil, command)), "%#v", command)
	}
}

func TestCompactCommandBytesNeverChange(t *testing.T) {
	expected := []string{
		"0201ac0280d0acf30e04686f7374",
		"02020201feffffffff3f",
		"020305",
		"020402030e02f2ffa7dcb08c0d",
		"02050102010161017601",
		"0206010301016110",
		"020701040102",
		"0208016107",
		"0209",
		"020a02",
	}
	for i, command := range everyCommand {
		require.Equal(t, expected[i], hex.EncodeToString(compact.Encode(nil, command)), "%#v", command)
	}
}

func drawCommand(t *rapid.T) Command {
	number := func(label string) uint64 { return rapid.Uint64().Draw(t, label) }
	duration := func(label string) time.Duration { return time.Duration(rapid.Int64().Draw(t, label)) }
	text := func(label string) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, label)) }
	request := Request{SessionID(number("session")), Sequence(number("sequence")), Sequence(number("acknowledged"))}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return Open{number("nonce"), duration("TTL"), text("owner")}
	case 1:
		return Renew{append([]SessionID(nil), rapid.SliceOf(rapid.Map(rapid.Uint64(), func(id uint64) SessionID { return SessionID(id) })).Draw(t, "sessions")...)}
	case 2:
		return Close{request.Session}
	case 3:
		var expiries []Expiry
		for range rapid.IntRange(0, 5).Draw(t, "expiries") {
			expiries = append(expiries, Expiry{SessionID(number("session")), duration("deadline")})
		}
		return Expire{expiries}
	case 4:
		return Acquire{request, text("name"), append([]byte(nil), text("value")...), duration("wait")}
	case 5:
		return Release{request, text("name"), Token(number("token"))}
	case 6:
		return Cancel{request, Sequence(number("target"))}
	case 7:
		return Withdraw{text("name"), Place(number("place"))}
	case 8:
		return Upgrade{drawVersion(t)}
	}
	return Clock{}
}

func drawVersion(t *rapid.T) Version {
	return Version(rapid.IntRange(int(Oldest), int(Newest)).Draw(t, "version"))
}

func TestEveryCommandSurvivesItsEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		command := drawCommand(t)
		data := drawVersion(t).Encode([]byte("before"), command)
		require.Equal(t, "before", string(data[:6]), "Encode appends")
		decoded, err := Decode(data[6:])
		require.NoError(t, err)
		require.Equal(t, command, decoded)
	})
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for _, wrong := range []struct {
		why   string
		data  string
		cause error
	}{
		{"nothing", "", ErrTruncated},
		{"a version from the future", "0309", ErrVersion},
		{"an upgrade to a version from the future", "010a03", ErrVersion},
		{"no version", "0009", ErrVersion},
		{"a version without anything behind", "01", ErrTruncated},
		{"a kind from the future", "010b", ErrKind},
		{"no kind", "0100", ErrKind},
		{"a byte too much", "010900", ErrTrailing},
		{"a number that ends in the middle", "010380", ErrTruncated},
		{"a number written longer than it needs", "01038500", ErrNumber},
		{"a number above 64 bits", "0103ffffffffffffffffff02", ErrNumber},
		{"a name longer than the command", "0108056107", ErrLength},
		{"a list longer than the command", "010205010203", ErrLength},
		{"a list of absurd length", "0102ffffffffffffffffff01", ErrLength},
		{"a list of pairs with room for half of them", "01040201010102"[:12], ErrLength},
	} {
		data, err := hex.DecodeString(wrong.data)
		require.NoError(t, err)
		command, err := Decode(data)
		require.ErrorIs(t, err, wrong.cause, wrong.why)
		var format *FormatError
		require.ErrorAs(t, err, &format, wrong.why)
		require.Equal(t, "command", format.What)
		require.LessOrEqual(t, format.Offset, len(data))
		require.Nil(t, command)
	}
}

// Of each kind, no part is a command by itself.
func TestDecodeRefusesEveryTruncation(t *testing.T) {
	for _, command := range everyCommand {
		for version := Oldest; version <= Newest; version++ {
			data := version.Encode(nil, command)
			for size := range len(data) {
				_, err := Decode(data[:size])
				require.Error(t, err, "%#v, %d bytes", command, size)
			}
		}
	}
}

// A decoded command outlives the buffer it was read from.
func TestDecodedCommandSharesNoMemory(t *testing.T) {
	command := Acquire{Name: "name", Value: []byte("value"), Wait: Forever}
	data := Oldest.Encode(nil, command)
	decoded, err := Decode(data)
	require.NoError(t, err)
	for i := range data {
		data[i] = 0xff
	}
	require.Equal(t, command, decoded)
}

func FuzzDecode(f *testing.F) {
	for _, command := range everyCommand {
		f.Add(Oldest.Encode(nil, command))
		f.Add(Newest.Encode(nil, command))
	}
	f.Add([]byte{1, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		command, err := Decode(data)
		if err != nil {
			var format *FormatError
			require.ErrorAs(t, err, &format)
			return
		}
		require.Equal(t, data, Version(data[0]).Encode(nil, command), "every command has one encoding in its version")
	})
}
