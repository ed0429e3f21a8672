//go:build !linux

package transport

import (
	"net"
	"time"
)

// prepare sets a member's connection up. Where the system has no timeout for what is not acknowledged, keep-alive
// probes find out that a connection is dead.
func prepare(connection net.Conn, patience time.Duration) {
	tcp, is := connection.(*net.TCPConn)
	if !is {
		return
	}
	_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: patience, Interval: patience, Count: 2}) // closed already
}
