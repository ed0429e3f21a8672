package transport

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"lockd/lockfsm"
	"lockd/server"
	"lockd/wire"
	"lockd/wire/lockdv1"
)

// paper is a stream that only keeps what is sent, and on which the given frames come.
type paper struct {
	grpc.ServerStream
	sent []*lockdv1.ServerFrame
	come []*lockdv1.ClientFrame
}

func (p *paper) Context() context.Context { return context.Background() }

func (p *paper) Recv() (*lockdv1.ClientFrame, error) {
	if len(p.come) == 0 {
		return nil, io.EOF
	}
	frame := p.come[0]
	p.come = p.come[1:]
	return frame, nil
}

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

// talkOn is a conversation whose goroutines do not run.
func talkOn(sheet *paper, config ClientsConfig) *conversation {
	talk := &conversation{
		clients: &Clients{config: config}, stream: sheet, wake: make(chan struct{}, 1), open: map[server.CallID]claim{},
	}
	talk.sent.L = &talk.mutex
	return talk
}

func asking(t *testing.T) *lockdv1.ClientFrame {
	frame, refused := wire.CallsToProto([]wire.Call{{ID: 1, Request: server.Inspect{}}})
	require.Empty(t, refused)
	return frame
}

func TestCallsHandedOverAsTheStreamEndsAreHungUpBehindThem(t *testing.T) {
	var talk *conversation
	var order []string
	talk = talkOn(&paper{come: []*lockdv1.ClientFrame{asking(t)}}, ClientsConfig{
		MaxStreamCalls: 4,
		Call: func([]Call) {
			talk.hangUp() // the handler returns while the node is too busy to take the calls
			order = append(order, "call")
		},
		Hangup: func(ids []server.CallID) {
			require.Equal(t, []server.CallID{1}, ids)
			order = append(order, "hang-up")
		},
	})
	require.NoError(t, talk.read())
	require.Equal(t, []string{"hang-up", "call", "hang-up"}, order)
}

func TestWhoReadsNoAnswersIsNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sheet := &paper{come: []*lockdv1.ClientFrame{asking(t)}}
		talk := talkOn(sheet, ClientsConfig{MaxStreamCalls: 2, Call: func([]Call) {}})
		talk.reply(wire.Reply{ID: 8, Answer: server.Refusal{}}, wire.Reply{ID: 9, Answer: server.Refusal{}})
		ended := make(chan error, 1)
		go func() { ended <- talk.read() }()
		synctest.Wait()
		require.Len(t, sheet.come, 1, "two answers wait for the client")
		require.NoError(t, talk.flush())
		require.NoError(t, <-ended)
		require.Empty(t, sheet.come)
	})
}

func TestPagesAreFewInFlightAndOneInAFrame(t *testing.T) {
	sheet := &paper{}
	talk := talkOn(sheet, ClientsConfig{MaxStreamCalls: 10 * maxPages})
	requests := make([]wire.Call, maxPages+1)
	for i := range requests {
		requests[i] = wire.Call{ID: uint64(i), Request: server.List{}}
	}
	calls, refused := talk.admit(requests)
	require.Len(t, calls, maxPages)
	require.Len(t, refused, 1)
	_, refused = talk.admit([]wire.Call{{ID: 1, Request: server.Inspect{}}})
	require.Empty(t, refused, "other calls have room")
	for _, call := range calls {
		call.Caller.Answer(server.Listed{}, wire.Address{})
	}
	require.Equal(t, maxPages, talk.unsent, "nothing more is read before these are sent")
	require.NoError(t, talk.flush())
	require.Zero(t, talk.unsent)
	require.Len(t, sheet.sent, maxPages)
}

// deadlines notes how long a body may take.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(deadline time.Time) error {
	d.set = append(d.set, deadline)
	return nil
}

func TestABodyHasADeadlineAndTheWaitForALockHasNone(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	whole{runtime.NewServeMux()}.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/sessions", strings.NewReader("{}")))
	require.Len(t, w.set, 2)
	require.False(t, w.set[0].IsZero())
	require.True(t, w.set[1].IsZero())
}
