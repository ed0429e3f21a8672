package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockd/raft"
)

func TestAHelloComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHello(t)
		decoded, err := DecodeHello(AppendHello(nil, h))
		require.NoError(t, err)
		require.Equal(t, h, decoded)
	})
}

const goldenHello = "6c6f636b64 03 00112233445566778899aabbccddeeff 0000000000000001 0000000000000002 0000000000000003" +
	"0000000000000006 02 01 00000001 0000000000000004 0000000000000005 00000003 613a31 00000003 613a32"

func TestTheBytesOfAHelloNeverChange(t *testing.T) {
	h := Hello{
		From: 1, To: 2, Incarnation: 3, Since: 6, Supports: 2, Version: 1, Client: "a:1", HTTP: "a:2",
		Membership: raft.Membership{Members: []raft.Member{{ID: 4, Incarnation: 5}}},
	}
	copy(h.Cluster[:], fromHex(t, "00112233445566778899aabbccddeeff"))
	require.Equal(t, fromHex(t, goldenHello), AppendHello(nil, h))
}

func TestAHelloCutAnywhereIsRefused(t *testing.T) {
	whole := fromHex(t, goldenHello)
	for cut := range whole {
		_, err := DecodeHello(whole[:cut])
		require.IsType(t, &Malformed{}, err, "cut to %d bytes", cut)
	}
	_, err := DecodeHello(append(whole, 0))
	require.ErrorContains(t, err, "1 bytes behind the end")
}

func TestAnotherVersionIsToldFromNonsense(t *testing.T) {
	_, err := DecodeHello([]byte("lockd\x04 whatever that version says"))
	require.Equal(t, &WrongVersion{Version: 4}, err)
	require.EqualError(t, err, "the peer speaks version 4 of the protocol, this node 3")

	_, err = DecodeHello([]byte("GET / HTTP/1.1\r\n"))
	require.IsType(t, &Malformed{}, err)
	require.ErrorContains(t, err, "no member speaks here")
}

func TestAnAddressHasBounds(t *testing.T) {
	require.Panics(t, func() { AppendHello(nil, Hello{Client: strings.Repeat("a", MaxAddress+1)}) })
	_, err := DecodeHello(append(AppendHello(nil, Hello{})[:5+1+16+24+8+2+4], fromHex(t, "00000201"+strings.Repeat("61", 0x201)+"00000000")...))
	require.ErrorContains(t, err, "a text of 513 bytes, more than 512")
	_, err = DecodeHello(append(AppendHello(nil, Hello{})[:5+1+16+24+8+2+4], fromHex(t, "00000001 ff 00000000")...))
	require.ErrorContains(t, err, "a text that is not UTF-8")
}

func FuzzDecodeHello(f *testing.F) {
	f.Add(fromHex(f, goldenHello))
	f.Add([]byte("lockd\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := DecodeHello(b)
		if err == nil {
			require.Equal(t, b, AppendHello(nil, h))
		}
	})
}
