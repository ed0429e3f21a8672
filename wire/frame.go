package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A frame on the wire:
//
//	length 4 | checksum 4 | payload
//
// The length is the payload's. The checksum is CRC32C over the length's four bytes and the
// payload, so that a frame read at a wrong length is as damaged as one with a wrong byte.

// MaxFrame bounds a payload, in bytes. It is far above what raft puts into one message.
const MaxFrame = 8 << 20

const frameHeader = 4 + 4

// What can be wrong with a frame. After any of these the stream has lost its footing, and
// must be closed.
var (
	ErrFrameTruncated = errors.New("frame is truncated")
	ErrFrameOversized = errors.New("frame is oversized")
	ErrFrameCorrupt   = errors.New("frame is corrupt")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendFrame appends a frame around payload, which is at most MaxFrame long, to dst.
func AppendFrame(dst, payload []byte) []byte {
	if len(payload) > MaxFrame {
		panic(fmt.Sprintf("wire: a payload of %d bytes was not split: a frame holds %d", len(payload), MaxFrame))
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(payload)))
	dst = binary.BigEndian.AppendUint32(dst, checksum(dst[start:start+4], payload))
	return append(dst, payload...)
}

func checksum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

// FrameReader takes frames from a stream.
type FrameReader struct {
	stream *bufio.Reader
}

// NewFrameReader reads frames from r, which it reads ahead of what it returns.
func NewFrameReader(r io.Reader) *FrameReader {
	return &FrameReader{stream: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next frame's payload, in memory that nobody else refers to. Its error is
// io.EOF when the stream ends between two frames, one that wraps ErrFrameTruncated,
// ErrFrameOversized or ErrFrameCorrupt when there is no whole frame, or the stream's own.
func (f *FrameReader) Next() ([]byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(f.stream, header[:]); err != nil {
		return nil, cutShort(err, "in its header")
	}
	length := binary.BigEndian.Uint32(header[:4])
	if length > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes are claimed, %d is the most", ErrFrameOversized, length, MaxFrame)
	}
	payload, err := f.read(int(length))
	if err != nil {
		return nil, err
	}
	if sum := checksum(header[:4], payload); sum != binary.BigEndian.Uint32(header[4:]) {
		return nil, fmt.Errorf("%w: checksum %08x over %d bytes does not match", ErrFrameCorrupt, sum, length)
	}
	return payload, nil
}

// stride is how much memory a claimed length is believed for before the bytes have come: a
// peer that only claims can make nobody allocate more.
const stride = 64 << 10

func (f *FrameReader) read(length int) ([]byte, error) {
	payload := make([]byte, 0, min(length, stride))
	for len(payload) < length {
		have := len(payload)
		more := min(length-have, max(have, stride))
		if cap(payload)-have < more {
			payload = append(make([]byte, 0, have+more), payload...)
		}
		payload = payload[:have+more]
		if n, err := io.ReadFull(f.stream, payload[have:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, cutShort(err, fmt.Sprintf("after %d of %d bytes", have+n, length))
		}
	}
	return payload, nil
}

func cutShort(err error, where string) error {
	if err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: the stream ends %s", ErrFrameTruncated, where)
	}
	return err
}
