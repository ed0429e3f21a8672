package transport

import (
	"errors"
	"fmt"
	"net"
	"time"

	"lockd/wire"
)

// A connection between members begins with
//
//	dialler:  hello            | verdict
//	acceptor:  hello | verdict
//
// each in a frame. A verdict is empty for a welcome, and else says in words why not. A side that hears another version of the
// protocol in a hello gives its verdict at once: no version may change the frame, nor how a hello begins.

// handshakeTimeout bounds how long a stranger may hold a connection without a word.
const handshakeTimeout = 5 * time.Second

// maxVerdict bounds the reason that is sent, in bytes, and shown in a log.
const maxVerdict = 1024

// Refused says that a connection between members did not come about because one of them would not have it.
type Refused struct {
	ByPeer bool // the other side refuses; else this one does
	Reason string
}

func (r *Refused) Error() string {
	if r.ByPeer {
		return "it refuses this member: " + r.Reason
	}
	return r.Reason
}

// greeting is one handshake, from this side.
type greeting struct {
	connection net.Conn
	frames     *wire.FrameReader
	judge      func(wire.Hello) error
}

// dial is the dialler's half.
func (g *greeting) dial(own wire.Hello) (wire.Hello, error) {
	if err := g.sayHello(own); err != nil {
		return wire.Hello{}, err
	}
	other, err := g.hearHello()
	if foreign := new(wire.WrongVersion); errors.As(err, &foreign) {
		return wire.Hello{}, g.refuseVersion(foreign)
	}
	if err != nil {
		return wire.Hello{}, err
	}
	theirs, err := g.frames.Next()
	if err != nil {
		return wire.Hello{}, fmt.Errorf("verdict: %w", err)
	}
	return other, g.conclude(other, string(theirs))
}

// accept is the acceptor's half. The own hello depends on who calls.
func (g *greeting) accept(own func(to wire.Hello) wire.Hello) (wire.Hello, error) {
	other, err := g.hearHello()
	if foreign := new(wire.WrongVersion); errors.As(err, &foreign) {
		// The hello tells a dialler of another version which one is spoken here, should it not understand the verdict.
		if err := g.sayHello(own(wire.Hello{})); err != nil {
			return wire.Hello{}, err
		}
		return wire.Hello{}, g.refuseVersion(foreign)
	}
	if err != nil {
		return wire.Hello{}, err
	}
	if err := g.sayHello(own(other)); err != nil {
		return wire.Hello{}, err
	}
	if err := g.sayVerdict(g.judge(other)); err != nil {
		return other, err
	}
	theirs, err := g.frames.Next()
	if err != nil {
		return other, fmt.Errorf("verdict: %w", err)
	}
	if len(theirs) > 0 {
		return other, &Refused{ByPeer: true, Reason: readable(string(theirs))}
	}
	return other, nil
}

// conclude gives the dialler's verdict, once it knows the acceptor's.
func (g *greeting) conclude(other wire.Hello, theirs string) error {
	own := g.judge(other)
	err := g.sayVerdict(own)
	if own == nil && theirs != "" {
		return &Refused{ByPeer: true, Reason: readable(theirs)}
	}
	return err
}

func (g *greeting) sayHello(hello wire.Hello) error {
	return g.say(wire.AppendHello(nil, hello))
}

func (g *greeting) hearHello() (wire.Hello, error) {
	payload, err := g.frames.Next()
	if err != nil {
		return wire.Hello{}, fmt.Errorf("hello: %w", err)
	}
	return wire.DecodeHello(payload)
}

// refuseVersion is the verdict on who speaks another version of the protocol, in words that make sense on both sides.
func (g *greeting) refuseVersion(foreign *wire.WrongVersion) error {
	return g.sayVerdict(fmt.Errorf("the versions of the protocol differ: %d is refused where %d is spoken", foreign.Version, wire.PeerVersion))
}

// sayVerdict tells the other side, and returns the verdict as an error if it is none of welcome.
func (g *greeting) sayVerdict(verdict error) error {
	if verdict == nil {
		return g.say(nil)
	}
	reason := verdict.Error()
	if err := g.say([]byte(reason[:min(len(reason), maxVerdict)])); err != nil {
		return err
	}
	return &Refused{Reason: reason}
}

func (g *greeting) say(payload []byte) error {
	_, err := g.connection.Write(wire.AppendFrame(nil, payload))
	return err
}

// readable cuts what a stranger says to what a log can bear.
func readable(reason string) string { return reason[:min(len(reason), maxVerdict)] }
