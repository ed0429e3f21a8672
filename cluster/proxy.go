package cluster

import (
	"io"
	"net"
	"sync"
)

// Proxy passes TCP connections on to one address until it falls silent. From then on it swallows
// everything that is sent through it, in both directions, and resets nothing: as a network does that drops packets.
type Proxy struct {
	listener net.Listener
	to       string

	mutex  sync.Mutex // guards what follows
	silent chan struct{}
	ends   []net.Conn
}

// NewProxy listens on a free loopback port.
func NewProxy(to string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, to: to, silent: make(chan struct{})}
	go p.accept()
	return p, nil
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Silence makes it swallow everything from now on. New connections are accepted, and get no answer.
func (p *Proxy) Silence() { close(p.silent) }

// Close ends it and all its connections.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, end := range p.ends {
		_ = end.Close()
	}
}

func (p *Proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.keep(from)
		select {
		case <-p.silent:
			continue
		default:
		}
		to, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = from.Close()
			continue
		}
		p.keep(to)
		go p.pass(from, to)
		go p.pass(to, from)
	}
}

func (p *Proxy) keep(end net.Conn) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.ends = append(p.ends, end)
}

// pass copies one direction. Once silent it reads on, so that the sender sees nothing, and passes nothing on: not even an end.
func (p *Proxy) pass(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		count, err := from.Read(buffer)
		select {
		case <-p.silent:
			_, _ = io.Copy(io.Discard, from)
			return
		default:
		}
		if count > 0 {
			if _, err := to.Write(buffer[:count]); err != nil {
				_ = from.Close()
				return
			}
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}
