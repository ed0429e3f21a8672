package transport

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"lockd/lockfsm"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// paper is a stream that only keeps what is sent.
type paper struct {
	grpc.ServerStream
	sent []*lockdv1.ServerFrame
}

func (p *paper) Context() context.Context              { return context.Background() }
func (p *paper) Recv() (*lockdv1.ClientFrame, error)   { panic("nobody reads in this test") }
func (p *paper) Send(frame *lockdv1.ServerFrame) error { p.sent = append(p.sent, frame); return nil }

func TestTheLastAnswersAreSentWhenTheNodeStops(t *testing.T) {
	sheet := &paper{}
	talk := &conversation{clients: &Clients{closing: make(chan struct{})}, stream: sheet, wake: make(chan struct{}, 1)}
	talk.sent.L = &talk.mutex
	for id := range uint64(2*maxFrameReplies + 1) {
		talk.replies = append(talk.replies, wire.Reply{ID: id, Answer: lockfsm.Result{Status: lockfsm.OK}})
	}
	close(talk.clients.closing)
	require.ErrorIs(t, talk.write(nil), errStopping)
	require.Len(t, sheet.sent, 3, "in frames of bounded size")
	require.Len(t, sheet.sent[2].GetReplies(), 1)
}
