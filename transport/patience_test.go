package transport

import (
	"context"
	"log/slog"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"lockd/raft"
	"lockd/wire"
)

// quiet are peers whose goroutines do not run.
func quiet() *Peers {
	p := &Peers{
		config: PeersConfig{
			Self: 1, Patience: 3 * time.Second, Logger: slog.New(slog.DiscardHandler),
			Hello: func(to raft.ID) wire.Hello { return wire.Hello{From: 1, To: to} },
			Judge: func(wire.Hello) error { return nil },
		},
		open: map[net.Conn]struct{}{}, dialling: context.Background(),
	}
	p.links.Store(new([]*link))
	return p
}

func TestAMemberThatSwallowsWhatIsWrittenIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connection, _ := net.Pipe()
		began := time.Now()
		err := newLink(quiet(), 2, "two:1").write(connection, []byte("a frame"), 1)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

func TestAHandshakeMustEnd(t *testing.T) {
	for side, greet := range map[string]func(*Peers, net.Conn) error{
		"the dialler's": func(p *Peers, connection net.Conn) error { return newLink(p, 2, "two:1").greet(connection) },
		"the acceptor's": func(p *Peers, connection net.Conn) error {
			in := &incoming{peers: p, connection: connection}
			in.frames = wire.NewFrameReader(in)
			_, err := in.greet()
			return err
		},
	} {
		t.Run(side, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connection, _ := net.Pipe() // on whose other end nobody says a word
				began := time.Now()
				require.ErrorIs(t, greet(quiet(), connection), os.ErrDeadlineExceeded)
				require.Equal(t, handshakeTimeout, time.Since(began))
			})
		})
	}
}

func TestAHandshakeIsVoidWhenTheMemberHasIntroducedItselfAnewMeanwhile(t *testing.T) {
	p := quiet()
	connection, _ := net.Pipe()
	before, ok := p.adopt(connection)
	require.True(t, ok)
	require.True(t, p.valid(before))
	p.Reintroduce()
	require.False(t, p.valid(before))
	after, _ := p.adopt(connection)
	require.True(t, p.valid(after))
}
