package transport

import (
	"net"
	"sync"
)

// accepted is a listener that can end every connection which it has taken, also one on which nothing was said yet: the
// server behind it knows a connection only from its first words on, and waits for those when it ends.
type accepted struct {
	net.Listener

	mutex sync.Mutex
	ended bool
	open  map[net.Conn]struct{}
}

func newAccepted(listener net.Listener) *accepted {
	return &accepted{Listener: listener, open: map[net.Conn]struct{}{}}
}

// Accept takes the next connection.
func (a *accepted) Accept() (net.Conn, error) {
	connection, err := a.Listener.Accept()
	if err != nil {
		return nil, err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.ended {
		_ = connection.Close() // whoever reads it notices
	} else {
		a.open[connection] = struct{}{}
	}
	return &acceptedConnection{connection, a}, nil
}

// hangUp ends all connections, and those that are still to come.
func (a *accepted) hangUp() {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.ended = true
	for connection := range a.open {
		_ = connection.Close() // whoever reads it notices
	}
	clear(a.open)
}

type acceptedConnection struct {
	net.Conn
	listener *accepted
}

// Close ends the connection.
func (c *acceptedConnection) Close() error {
	c.listener.mutex.Lock()
	delete(c.listener.open, c.Conn)
	c.listener.mutex.Unlock()
	return c.Conn.Close()
}
