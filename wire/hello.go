package wire

import (
	"fmt"

	"lockd/lockfsm"
	"lockd/raft"
)

// A hello on the wire:
//
//	"lockd" 5 | protocol 1 | cluster 16 | from 8 | to 8 | incarnation 8 | since 8 | supports 1 | version 1 | membership | client | http
//
// The membership is as in an envelope; an address is a length of 4 and so many bytes.

const (
	helloMagic = "lockd"

	// PeerVersion is the version of the hello, and of all that members say to each other besides what is in the log and in snapshots.
	PeerVersion = 3

	// MaxAddress bounds the length of an advertised address, in bytes.
	MaxAddress = 512
)

// Hello is the first frame on a connection between members, in either direction. Each side
// judges the other's: a member of another cluster, or one that has lost its data and so has
// another incarnation than the membership says, must not be listened to.
type Hello struct {
	Cluster     [16]byte // zero: not formed yet
	From, To    raft.ID
	Incarnation uint64          // of From's data directory
	Since       raft.Index      // the entry that put Membership in force at From
	Supports    lockfsm.Version // the latest that From's program can read
	Version     lockfsm.Version // in force at From; zero: not formed yet
	Membership  raft.Membership // as From knows it; empty: not formed yet
	Client      string          // where From serves clients by gRPC, as host:port; may be empty
	HTTP        string          // where From serves HTTP, as host:port; may be empty
}

// WrongVersion says that a peer speaks another version of the protocol.
type WrongVersion struct {
	Version byte
}

func (w *WrongVersion) Error() string {
	return fmt.Sprintf("the peer speaks version %d of the protocol, this node %d", w.Version, PeerVersion)
}

// AppendHello appends the encoding of h to dst and returns the result. Its addresses are at
// most MaxAddress long.
func AppendHello(dst []byte, h Hello) []byte {
	if len(h.Client) > MaxAddress || len(h.HTTP) > MaxAddress {
		panic(fmt.Sprintf("wire: an advertised address is longer than %d bytes", MaxAddress))
	}
	c := cursor{what: "hello", writing: true, bytes: append(append(dst, helloMagic...), PeerVersion)}
	c.hello(&h)
	return c.bytes
}

// DecodeHello decodes what AppendHello wrote. An error is a *WrongVersion, or a *Malformed
// when the bytes are no hello of any version.
func DecodeHello(b []byte) (Hello, error) {
	c := cursor{what: "hello", rest: b, length: len(b)}
	if magic := c.take(len(helloMagic)); string(magic) != helloMagic {
		c.fail("it does not begin with %q: no member speaks here", helloMagic)
		return Hello{}, c.end()
	}
	var version byte
	c.byte(&version)
	if c.failure == nil && version != PeerVersion {
		return Hello{}, &WrongVersion{Version: version}
	}
	var h Hello
	c.hello(&h)
	if err := c.end(); err != nil {
		return Hello{}, err
	}
	return h, nil
}

func (c *cursor) hello(h *Hello) {
	c.raw(h.Cluster[:])
	number(c, &h.From)
	number(c, &h.To)
	number(c, &h.Incarnation)
	number(c, &h.Since)
	c.byte((*byte)(&h.Supports))
	c.byte((*byte)(&h.Version))
	c.membership(&h.Membership)
	c.text(&h.Client, MaxAddress)
	c.text(&h.HTTP, MaxAddress)
}
