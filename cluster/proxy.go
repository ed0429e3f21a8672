package cluster

import (
	"net"
	"sync"
)

// Proxy passes TCP connections on to one address. What is sent there goes by one Way, and what comes back by another.
type Proxy struct {
	listener  net.Listener
	to        string
	out, back *Way

	mutex sync.Mutex // guards what follows
	open  map[*passage]struct{}
}

// passage is one connection through a proxy.
type passage struct {
	proxy *Proxy
	ends  []net.Conn
	over  chan struct{}
	once  sync.Once
}

// NewProxy listens on a free loopback port. Ways of its own may be hindered through Silence alone.
func NewProxy(to string) (*Proxy, error) { return newProxy(to, newWay(), newWay()) }

func newProxy(to string, out, back *Way) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, to: to, out: out, back: back, open: map[*passage]struct{}{}}
	go p.accept()
	return p, nil
}

// Address is where the proxy listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Silence makes it pass nothing on from now on, in either direction, and reset nothing. New connections are accepted, and get no answer.
func (p *Proxy) Silence() {
	nothing := &Hindrance{Dead: true}
	p.out.Hinder(nothing)
	p.back.Hinder(nothing)
}

// Reset closes all connections at both ends, with what is on its way in them. It tells how many there were.
func (p *Proxy) Reset() int {
	p.mutex.Lock()
	open := make([]*passage, 0, len(p.open))
	for one := range p.open {
		open = append(open, one)
	}
	p.mutex.Unlock()
	for _, one := range open {
		one.end()
	}
	return len(open)
}

// Close ends it and all its connections.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.Reset()
}

func (p *Proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		one := &passage{proxy: p, ends: []net.Conn{from}, over: make(chan struct{})}
		p.mutex.Lock()
		p.open[one] = struct{}{}
		p.mutex.Unlock()
		go one.connect()
	}
}

// connect goes on to the address behind the proxy, once the way there lets the attempt through, and passes both directions on.
func (c *passage) connect() {
	if !c.proxy.out.hold(c.over) {
		return
	}
	to, err := net.Dial("tcp", c.proxy.to)
	if err != nil {
		c.end() // as the machine there would refuse it
		return
	}
	c.proxy.mutex.Lock()
	c.ends = append(c.ends, to)
	from := c.ends[0]
	c.proxy.mutex.Unlock()
	select {
	case <-c.over: // it was ended before it knew of its second end
		_ = to.Close()
		return
	default:
	}
	go c.pass(from, to, c.proxy.out)
	c.pass(to, from, c.proxy.back)
}

// pass copies one direction, and its end. The end, too, takes the way: what happens at one place is not known at the other
// while nothing gets through.
func (c *passage) pass(from, to net.Conn, way *Way) {
	buffer := make([]byte, 32<<10)
	for {
		count, err := from.Read(buffer)
		if !way.hold(c.over) {
			return
		}
		if count > 0 {
			if _, err := to.Write(buffer[:count]); err != nil {
				c.end()
				return
			}
		}
		if err != nil {
			c.end()
			return
		}
	}
}

func (c *passage) end() {
	c.once.Do(func() {
		close(c.over)
		c.proxy.mutex.Lock()
		delete(c.proxy.open, c)
		ends := c.ends
		c.proxy.mutex.Unlock()
		for _, end := range ends {
			_ = end.Close() // whoever reads or writes it notices
		}
	})
}
