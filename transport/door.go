package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"lockd/raft"
	"lockd/wire"
)

// listen takes connections until the listener is closed.
func (p *Peers) listen() {
	for {
		connection, err := p.config.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of file handles, most likely: it passes, and without a pause this loop would be all that runs.
			p.config.Logger.Warn("a peer's connection could not be taken", "cause", err)
			select {
			case <-p.dialling.Done():
				return
			case <-time.After(redialMost):
			}
			continue
		}
		p.running.Go(func() { p.welcome(connection) })
	}
}

// welcome is the life of a connection on which another member sends.
func (p *Peers) welcome(connection net.Conn) {
	prepare(connection, p.config.Patience)
	if p.config.TLS != nil {
		connection = tls.Server(connection, p.config.TLS)
	}
	era, ok := p.adopt(connection)
	defer p.discard(connection)
	if !ok {
		return
	}
	in := &incoming{peers: p, connection: connection}
	in.frames = wire.NewFrameReader(in)
	hello, err := in.greet()
	if err != nil {
		in.explain(hello.From, err)
		return
	}
	if !p.valid(era) {
		return
	}
	in.member, in.incarnation = hello.From, hello.Incarnation
	p.replace(in.member, connection)
	p.note(in.member, "incoming", nil)
	if l := p.link(in.member); l != nil && !l.statistics().Connected {
		l.hurry() // it lives, so it can be dialled
	}
	err = in.receive()
	in.explain(in.member, err)
	if !p.superseded(in.member, connection) && p.dialling.Err() == nil {
		p.config.Closed(in.member)
	}
}

// replace ends the connection on which the member sent before: it would not have dialled
// again if that one still served.
func (p *Peers) replace(member raft.ID, connection net.Conn) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if before := p.inbound[member]; before != nil {
		_ = before.Close() // its reader notices
	}
	p.inbound[member] = connection
}

// incoming is the receiving half of a connection.
type incoming struct {
	peers       *Peers
	connection  net.Conn
	frames      *wire.FrameReader
	member      raft.ID
	incarnation uint64 // of the directory that it runs on: what it says counts for no other
	batch       []raft.Envelope
}

// Read hands over what was decoded so far before it waits for more. So whatever arrived
// together is delivered together, and nothing waits for what has not come yet.
func (in *incoming) Read(p []byte) (int, error) {
	in.deliver()
	return in.connection.Read(p)
}

func (in *incoming) deliver() {
	if len(in.batch) > 0 {
		in.peers.config.Deliver(in.batch)
		in.batch = nil
	}
}

func (in *incoming) greet() (wire.Hello, error) {
	if err := in.connection.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return wire.Hello{}, err
	}
	g := greeting{connection: in.connection, frames: in.frames, judge: in.peers.config.Judge}
	hello, err := g.accept(func(other wire.Hello) wire.Hello { return in.peers.config.Hello(other.From) })
	if err != nil {
		return hello, err
	}
	return hello, in.connection.SetDeadline(time.Time{})
}

// receive decodes envelopes until the connection ends. What came whole before that counts.
func (in *incoming) receive() error {
	defer in.deliver()
	for {
		payload, err := in.frames.Next()
		if err != nil {
			return err
		}
		envelope, err := wire.DecodeEnvelope(payload, in.peers.config.Supports)
		if err != nil {
			return err
		}
		if envelope.From != in.member || envelope.To != in.peers.config.Self {
			why := fmt.Sprintf("member %d sent a message from member %d to member %d", in.member, envelope.From, envelope.To)
			return &wire.Malformed{What: "envelope", At: -1, Why: why}
		}
		envelope.Incarnation = in.incarnation
		in.batch = append(in.batch, envelope)
	}
}

// explain counts and logs why a connection ended.
func (in *incoming) explain(member raft.ID, err error) {
	p := in.peers
	if p.link(member) == nil {
		member = 0 // a stranger: what is noted of strangers does not grow with their number
	}
	refused := new(Refused)
	switch {
	case errors.As(err, &refused):
		p.refusals.Add(1)
		p.note(member, "incoming", err)
	case unreadable(err):
		p.damages.Add(1)
		p.config.Logger.Warn("connection closed", "peer", uint64(member), "from", in.connection.RemoteAddr().String(), "cause", err)
	case errors.Is(err, net.ErrClosed) || p.dialling.Err() != nil || p.superseded(member, in.connection):
	case err == io.EOF:
		p.note(member, "incoming", errors.New("it closed the connection"))
	default:
		p.note(member, "incoming", err)
	}
}

func (p *Peers) superseded(member raft.ID, connection net.Conn) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return member != 0 && p.inbound[member] != connection
}

// unreadable tells damage, or a stranger's language, from a connection that just ended.
func unreadable(err error) bool {
	malformed := new(wire.Malformed)
	return errors.Is(err, wire.ErrFrameCorrupt) || errors.Is(err, wire.ErrFrameOversized) ||
		errors.Is(err, wire.ErrFrameTruncated) || errors.As(err, &malformed)
}
