package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFramesComeOutAsTheyWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		payloads := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "payloads")
		var stream []byte
		for _, payload := range payloads {
			stream = AppendFrame(stream, payload)
		}
		frames := NewFrameReader(iotest.OneByteReader(bytes.NewReader(stream)))
		for _, payload := range payloads {
			read, err := frames.Next()
			require.NoError(t, err)
			require.Equal(t, payload, read)
		}
		_, err := frames.Next()
		require.Equal(t, io.EOF, err)
	})
}

func TestTheBytesOfAFrameNeverChange(t *testing.T) {
	require.Equal(t, fromHex(t, "00000009 6934cf6f 313233343536373839"), AppendFrame(nil, []byte("123456789")))
	require.Equal(t, fromHex(t, "00000000 48674bc7"), AppendFrame(nil, nil))
}

func TestEveryFlippedBitIsSeen(t *testing.T) {
	whole := AppendFrame(nil, []byte("a small frame"))
	for bit := range len(whole) * 8 {
		damaged := bytes.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		_, err := NewFrameReader(bytes.NewReader(damaged)).Next()
		require.True(t, errors.Is(err, ErrFrameCorrupt) || errors.Is(err, ErrFrameTruncated) || errors.Is(err, ErrFrameOversized),
			"bit %d: %v", bit, err)
	}
}

func TestAFrameCutAnywhereIsTruncated(t *testing.T) {
	for _, size := range []int{0, 1, 20, stride, 3*stride + 1} {
		whole := AppendFrame(nil, make([]byte, size))
		for _, cut := range []int{1, frameHeader - 1, frameHeader, frameHeader + size/2, frameHeader + size - 1} {
			if cut >= len(whole) {
				continue
			}
			_, err := NewFrameReader(bytes.NewReader(whole[:cut])).Next()
			require.ErrorIs(t, err, ErrFrameTruncated, "%d of %d bytes", cut, len(whole))
		}
	}
}

func TestLargeFramesPassAndLargerOnesDoNot(t *testing.T) {
	for _, size := range []int{stride - 1, stride, stride + 1, 2*stride + 1, MaxFrame} {
		payload := bytes.Repeat([]byte{byte(size)}, size)
		read, err := NewFrameReader(bytes.NewReader(AppendFrame(nil, payload))).Next()
		require.NoError(t, err)
		require.True(t, bytes.Equal(payload, read))
	}
	require.Panics(t, func() { AppendFrame(nil, make([]byte, MaxFrame+1)) })
	_, err := NewFrameReader(bytes.NewReader(fromHex(t, "00800001 00000000"))).Next()
	require.ErrorIs(t, err, ErrFrameOversized)
}

func TestAClaimedLengthAllocatesLittle(t *testing.T) {
	claim := append(fromHex(t, "00800000 00000000"), "and nothing more"...)
	require.Less(t, allocatedBy(func() { _, _ = NewFrameReader(bytes.NewReader(claim)).Next() }), uint64(3*stride))
}

func TestEachFrameHasItsOwnMemory(t *testing.T) {
	frames := NewFrameReader(bytes.NewReader(AppendFrame(AppendFrame(nil, []byte("first")), []byte("other"))))
	first, err := frames.Next()
	require.NoError(t, err)
	_, err = frames.Next()
	require.NoError(t, err)
	require.Equal(t, "first", string(first))
}

func TestAStreamsOwnErrorIsPassedOn(t *testing.T) {
	broken := errors.New("connection reset")
	for _, sent := range [][]byte{nil, {0, 0}, AppendFrame(nil, []byte("whole"))[:10]} {
		stream := io.MultiReader(bytes.NewReader(sent), iotest.ErrReader(broken))
		_, err := NewFrameReader(stream).Next()
		require.ErrorIs(t, err, broken)
	}
}

func FuzzFrameReader(f *testing.F) {
	f.Add(AppendFrame(AppendFrame(nil, []byte("first")), nil))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames := NewFrameReader(bytes.NewReader(stream))
		var again []byte
		for {
			payload, err := frames.Next()
			if err != nil {
				break
			}
			again = AppendFrame(again, payload)
		}
		require.True(t, bytes.HasPrefix(stream, again))
	})
}
