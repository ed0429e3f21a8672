package cluster

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo answers every line with the same line, and keeps what it has read.
func echo(t *testing.T) (address string, heard <-chan string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	lines := make(chan string, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close() //nolint:errcheck // a test's
				for reader := bufio.NewReader(connection); ; {
					line, err := reader.ReadString('\n')
					if err != nil {
						lines <- "end"
						return
					}
					lines <- line
					_, _ = io.WriteString(connection, line)
				}
			}()
		}
	}()
	return listener.Addr().String(), lines
}

// through is a network of two members, with a connection that the first has dialled, and what the second hears.
func through(t *testing.T) (n *Network, connection net.Conn, heard <-chan string, answers <-chan string) {
	address, heard := echo(t)
	n, err := newNetwork([]string{"127.0.0.1:1", address}, []string{"127.0.0.1:1", address}, 1)
	require.NoError(t, err)
	t.Cleanup(n.Close)
	connection, err = net.Dial("tcp", n.address(member(1), member(2)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	lines := make(chan string, 100)
	go func() {
		for reader := bufio.NewReader(connection); ; {
			line, err := reader.ReadString('\n')
			if err != nil {
				close(lines)
				return
			}
			lines <- line
		}
	}()
	return n, connection, heard, lines
}

func say(t *testing.T, connection net.Conn, line string) {
	_, err := io.WriteString(connection, line)
	require.NoError(t, err)
}

// held waits until the hindrance has bitten, and shows that nothing has come.
func held(t *testing.T, h *Hindrance, nothing <-chan string) {
	require.Eventually(t, func() bool { return h.Bites() > 0 }, 5*time.Second, time.Millisecond)
	require.Empty(t, nothing)
}

func TestEachDirectionIsCutByItself(t *testing.T) {
	n, connection, heard, answers := through(t)
	say(t, connection, "one\n")
	require.Equal(t, "one\n", <-heard)
	require.Equal(t, "one\n", <-answers)

	deaf := &Hindrance{Dead: true}
	back := n.way(direction{member(2), member(1)})
	back.Hinder(deaf)
	say(t, connection, "two\n")
	require.Equal(t, "two\n", <-heard, "the way there is open")
	held(t, deaf, answers)

	mute := &Hindrance{Dead: true}
	out := n.way(direction{member(1), member(2)})
	out.Hinder(mute)
	back.Relieve(deaf)
	require.Equal(t, "two\n", <-answers, "what was held back comes late, and is not lost")
	say(t, connection, "three\n")
	held(t, mute, heard)
	out.Relieve(mute)
	require.Equal(t, "three\n", <-heard)
	require.Equal(t, "three\n", <-answers)
}

// The end of a connection is news like any other: it does not pass a cut.
func TestACutHidesTheEndOfAConnection(t *testing.T) {
	n, connection, heard, _ := through(t)
	say(t, connection, "one\n")
	require.Equal(t, "one\n", <-heard)
	cut := &Hindrance{Dead: true}
	out := n.way(direction{member(1), member(2)})
	out.Hinder(cut)
	require.NoError(t, connection.Close())
	held(t, cut, heard)
	out.Relieve(cut)
	require.Equal(t, "end", <-heard)
}

func TestANewConnectionDoesNotPassACut(t *testing.T) {
	n, _, heard, _ := through(t)
	cut := &Hindrance{Dead: true}
	n.way(direction{member(1), member(2)}).Hinder(cut)
	second, err := net.Dial("tcp", n.address(member(1), member(2)))
	require.NoError(t, err)
	defer second.Close() //nolint:errcheck // a test's
	say(t, second, "hello\n")
	held(t, cut, heard)
}

func TestASlowWayIsSlowInItsDirectionAlone(t *testing.T) {
	const delay = 50 * time.Millisecond
	n, connection, heard, answers := through(t)
	n.way(direction{member(2), member(1)}).Hinder(&Hindrance{Delay: delay})
	for range 3 {
		began := time.Now()
		say(t, connection, "line\n")
		require.Equal(t, "line\n", <-heard)
		require.Equal(t, "line\n", <-answers)
		require.GreaterOrEqual(t, time.Since(began), delay)
	}
}

func TestALostPacketComesLate(t *testing.T) {
	n, connection, heard, _ := through(t)
	loss := &Hindrance{Loss: 999_999}
	n.way(direction{member(1), member(2)}).Hinder(loss)
	began := time.Now()
	say(t, connection, "line\n")
	require.Equal(t, "line\n", <-heard)
	require.GreaterOrEqual(t, time.Since(began), retransmission)
	require.NotZero(t, loss.Bites())
}

func TestAResetEndsBothSides(t *testing.T) {
	n, connection, heard, answers := through(t)
	say(t, connection, "one\n")
	require.Equal(t, "one\n", <-heard)
	require.Equal(t, "one\n", <-answers)
	require.Equal(t, 1, n.reset(member(2)), "it is reset from either end")
	require.Equal(t, "end", <-heard)
	_, open := <-answers
	require.False(t, open)
	require.Zero(t, n.reset(place{true, 1}), "the crew has no connection")
}
