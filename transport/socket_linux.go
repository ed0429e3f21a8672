package transport

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// prepare sets a member's connection up. What is written leaves at once, which is Go's default. And when
// nothing of it is acknowledged for so long, the system gives the connection up: without that, packets that
// were swallowed by a cut network would be repeated at ever longer intervals, and a member would stay
// unheard for up to two minutes after the cut was mended.
func prepare(connection net.Conn, patience time.Duration) {
	tcp, is := connection.(*net.TCPConn)
	if !is {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // closed already
	}
	_ = raw.Control(func(handle uintptr) {
		// A system that does not know the option still has the write deadline.
		_ = unix.SetsockoptInt(int(handle), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(patience.Milliseconds()))
	})
}
